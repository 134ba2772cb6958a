// SPDX-License-Identifier: MIT
/** What a device asks of its twin over MQTT. Source: "Communicate with an IoT hub using MQTT" (Azure documents). */
import { errorBody } from "../azure-error";
import type { Clock } from "../clock";
import type { FaultInjector, FaultRule } from "../faults";
import type { JsonObject } from "../json-reader";
import type { Connection } from "../mqtt/broker";
import type { DeviceRecord } from "../records";
import type { StateStore } from "../state";
import { TWIN_RESPONSE_FILTER } from "./topics";
import { parsePatch, patchSection, twinDocument } from "./twin";
import { stampTwin } from "./twin-metadata";

interface Answer {
  status: number;
  /** Behind `$rid` in the topic. */
  query?: string;
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown;
}

/** Answers with QoS 0, as hubs do, to who has subscribed. */
export class TwinRequests {
  readonly #hub: string;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #faults: FaultInjector;

  constructor(hub: string, state: StateStore, clock: Clock, faults: FaultInjector) {
    this.#hub = hub;
    this.#state = state;
    this.#clock = clock;
    this.#faults = faults;
  }

  get(connection: Connection, device: DeviceRecord, requestId: string): void {
    const rule = this.#faults.strike("twinGet", connection.link.context);
    const answer = this.#faulty(rule) ?? { status: 200, body: twinDocument(device.twin) };
    this.#reply(connection, requestId, rule, answer);
  }

  /** @param onReported called when a patch was taken */
  report(
    connection: Connection,
    device: DeviceRecord,
    requestId: string,
    payload: Buffer,
    onReported: (patch: JsonObject, version: number) => void,
  ): void {
    const rule = this.#faults.strike("twinReported", connection.link.context);
    Promise.resolve(this.#faulty(rule) ?? this.#take(device, payload, onReported))
      .catch(() => this.#error(500, 500001, "Internal server error."))
      .then((answer) => this.#reply(connection, requestId, rule, answer));
  }

  /** The answer; rejects when the state could not be stored. */
  async #take(
    device: DeviceRecord,
    payload: Buffer,
    onReported: (patch: JsonObject, version: number) => void,
  ): Promise<Answer> {
    let patch: JsonObject;
    try {
      patch = parsePatch(payload);
      device.twin.reported = patchSection(device.twin.reported, patch, "reported");
    } catch (error) {
      return this.#error(400, 400004, (error as Error).message);
    }
    const version = ++device.twin.reportedVersion;
    stampTwin(device.twin, "reported", patch, this.#clock.now());
    onReported(patch, version);
    this.#state.touched(this.#hub, device);
    await this.#state.settled();
    return { status: 204, query: `&$version=${version}` };
  }

  #error(status: number, errorCode: number, message: string): Answer {
    return { status, body: errorBody(errorCode, message, this.#clock.now()) };
  }

  #faulty(rule: FaultRule | undefined): Answer | undefined {
    if (rule?.action !== "status") return undefined;
    const { status = 500, retryAfter, body } = rule;
    // 429001 and 500001, for example.
    const answer = this.#error(status, status * 1000 + 1, "A fault was injected.");
    return {
      ...answer,
      ...(body === undefined ? {} : { body }),
      ...(retryAfter === undefined ? {} : { query: `&retry-after=${retryAfter}` }),
    };
  }

  #reply(
    connection: Connection,
    requestId: string,
    rule: FaultRule | undefined,
    { status, query = "", body = "" }: Answer,
  ): void {
    connection.link.answer(rule, () => {
      if (connection.granted(TWIN_RESPONSE_FILTER) === undefined) return;
      const payload = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      connection.outbox.send({
        topic: `$iothub/twin/res/${status}/?$rid=${requestId}${query}`,
        payload,
        qos: 0,
      });
    });
  }
}
