// SPDX-License-Identifier: MIT
/** Direct methods. Source: "Understand and invoke direct methods from IoT Hub" (Azure documents). */
import type { Clock } from "../clock";
import type { Connection } from "../mqtt/broker";

/** What a device answered: its own status, and the body as JSON (undefined when empty). */
export interface MethodResult {
  status: number;
  payload: unknown;
}

/** The device did not answer in time. */
export class MethodTimeout extends Error {}

interface Call {
  connection: Connection;
  finish(result: MethodResult | Error): void;
}

/** The calls under way in one hub. */
export class MethodCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<string, Call>();
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `name` on the device of `connection`. @param timeout milliseconds. @throws Error on time-out or lost connection */
  call(
    connection: Connection,
    qos: 0 | 1,
    name: string,
    payload: unknown,
    timeout: number,
  ): Promise<MethodResult> {
    const requestId = (this.#nextId++).toString(16);
    return new Promise((resolve, reject) => {
      const lost = () => finish(new Error(`the connection ended before ${name} answered`));
      const finish = (result: MethodResult | Error) => {
        this.#calls.delete(requestId);
        cancel();
        connection.link.off("close", lost);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const cancel = this.#clock.schedule(
        () => finish(new MethodTimeout(`${name} did not answer in ${timeout} ms`)),
        timeout,
      );
      connection.link.once("close", lost);
      this.#calls.set(requestId, { connection, finish });
      const body = Buffer.from(payload === undefined ? "" : JSON.stringify(payload));
      const topic = `$iothub/methods/POST/${encodeURIComponent(name)}/?$rid=${requestId}`;
      connection.outbox.send({ topic, payload: body, qos });
    });
  }

  /** Takes a device's answer; one that nobody waits for is ignored. @throws Error when the body is not JSON */
  finish(connection: Connection, requestId: string, status: number, body: Buffer): void {
    const call = this.#calls.get(requestId);
    if (call?.connection !== connection) return;
    call.finish({
      status,
      payload: body.length === 0 ? undefined : (JSON.parse(body.toString()) as unknown),
    });
  }
}
