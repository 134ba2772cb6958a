// SPDX-License-Identifier: MIT
/**
 * Direct methods: a call goes to a device that is there, and fails otherwise.
 * Source: "Understand and invoke direct methods from IoT Hub" (Azure documents); error codes and texts as hubs answered.
 */
import type { Clock } from "../clock";
import type { Connection } from "../mqtt/broker";
import { MethodFailed } from "./method-failed";
import { METHOD_FILTER } from "./topics";

/** The largest payload, there and back, in bytes. */
const LARGEST_PAYLOAD = 128 * 1024;

/** What a device answered. */
export interface MethodResult {
  /** The device's own. */
  status: number;
  /** The body as JSON; undefined when it is empty, and when it is no JSON. */
  payload: unknown;
  /** The body as it came, when it is no JSON. A hub hands it on unread, and the service cannot read what it gets. */
  body?: Buffer;
}

interface Call {
  connection: Connection;
  finish(result: MethodResult | Error): void;
}

/** The calls under way in one hub. */
export class MethodCalls {
  readonly #clock: Clock;
  readonly #connectionOf: (deviceId: string) => Connection | undefined;
  readonly #calls = new Map<string, Call>();
  /** Those who wait for a device. */
  readonly #arrivals = new Map<string, Set<() => void>>();
  #nextId = 1;

  /** @param connectionOf the connection of a device that has one */
  constructor(clock: Clock, connectionOf: (deviceId: string) => Connection | undefined) {
    this.#clock = clock;
    this.#connectionOf = connectionOf;
  }

  /**
   * Calls a method.
   * @param responseTimeout milliseconds for the answer
   * @param connectTimeout milliseconds for a device that is away to come
   * @throws MethodFailed 404103 when the device is not connected or takes no methods, 504101 when it does not answer in
   * time or goes, 413001 for a payload of more than 128 KB
   */
  async call(
    deviceId: string,
    name: string,
    payload: unknown,
    responseTimeout = 30_000,
    connectTimeout = 0,
  ): Promise<MethodResult> {
    const body = Buffer.from(payload === undefined ? "" : JSON.stringify(payload));
    if (body.length > LARGEST_PAYLOAD)
      throw new MethodFailed(
        413001,
        `A payload of ${body.length} bytes; at most ${LARGEST_PAYLOAD} are allowed.`,
      );
    if (!this.#ready(deviceId)) await this.#arrival(deviceId, connectTimeout);
    const connection = this.#ready(deviceId);
    if (!connection)
      throw new MethodFailed(
        404103,
        `Timed out waiting for device to connect: ${deviceId} is not connected, or takes no direct methods.`,
      );
    return this.#send(connection, name, body, responseTimeout);
  }

  /** A device has connected or subscribed. */
  arrived(deviceId: string): void {
    if (!this.#ready(deviceId)) return;
    for (const arrive of this.#arrivals.get(deviceId) ?? []) arrive();
  }

  /**
   * Takes a device's answer; one that nobody waits for is ignored.
   * @throws Error when it is too large, which ends the connection
   */
  finish(connection: Connection, requestId: string, status: number, body: Buffer): void {
    if (body.length > LARGEST_PAYLOAD) throw new Error("an answer to a method of more than 128 KB");
    const call = this.#calls.get(requestId);
    if (call?.connection !== connection) return;
    call.finish({ status, ...read(body) });
  }

  #ready(deviceId: string): Connection | undefined {
    const connection = this.#connectionOf(deviceId);
    return connection?.granted(METHOD_FILTER) === undefined ? undefined : connection;
  }

  /** Settles when the device takes methods, or the time is over. */
  #arrival(deviceId: string, timeout: number): Promise<void> {
    if (timeout <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#arrivals.get(deviceId) ?? new Set();
      this.#arrivals.set(deviceId, waiting);
      const arrive = () => {
        cancel();
        waiting.delete(arrive);
        if (waiting.size === 0) this.#arrivals.delete(deviceId);
        resolve();
      };
      const cancel = this.#clock.schedule(arrive, timeout);
      waiting.add(arrive);
    });
  }

  #send(connection: Connection, name: string, body: Buffer, timeout: number): Promise<MethodResult> {
    const requestId = (this.#nextId++).toString(16);
    return new Promise((resolve, reject) => {
      const fail = (why: string) =>
        finish(new MethodFailed(504101, `Timed out waiting for the response from device: ${why}.`));
      const lost = () => fail(`the connection ended before ${name} answered`);
      const finish = (result: MethodResult | Error) => {
        this.#calls.delete(requestId);
        cancel();
        connection.link.off("close", lost);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const cancel = this.#clock.schedule(() => fail(`${name} did not answer in ${timeout} ms`), timeout);
      connection.link.once("close", lost);
      this.#calls.set(requestId, { connection, finish });
      const topic = `$iothub/methods/POST/${encodeURIComponent(name)}/?$rid=${requestId}`;
      connection.outbox.send({ topic, payload: body, qos: 0 });
    });
  }
}

function read(body: Buffer): Omit<MethodResult, "status"> {
  if (body.length === 0) return { payload: undefined };
  try {
    return { payload: JSON.parse(body.toString()) as unknown };
  } catch {
    return { payload: undefined, body };
  }
}
