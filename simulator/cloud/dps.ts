// SPDX-License-Identifier: MIT
/**
 * DPS as a device sees it, judge of what the device may do there. Shares no code with `src/`. Sources: "Communicate with
 * DPS using the MQTT protocol", "DPS quotas": 5 polls in 10 s a device.
 */
import type { Link } from "../network";
import { connack, PINGRESP, type ConnectPacket, type PublishPacket, puback, publish, suback } from "../wire";
import type { Account } from "./account";
import { Connection } from "./connection";

export const DPS_NAME = "global.azure-devices-provisioning.net";

const REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=";
const POLL = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=";

/** What is no answer, by number. */
export const MALFORMED: readonly string[] = Object.freeze([
  "",
  "{",
  "[]",
  "null",
  '{"status":"assigned"}',
  '{"status":"assigned","registrationState":{"assignedHub":"not a host","deviceId":"x"}}',
  '{"operationId":"","status":"assigning"}',
  '{"operationId":5,"status":"assigning"}',
  '{"status":"what"}',
  '{"operationId":"1","status":"assigned","registrationState":{"registrationId":"another","assignedHub":"a.b","deviceId":"x"}}',
]);

/** Status, body, and seconds of `retry-after`. */
type Answer = readonly [status: number, body: string, after: number | undefined];

/** DPS's memory of a device, over its connections. */
export class DpsRecord {
  readonly account: Account;
  #operations = 0;
  #operation: string | undefined;
  #pollsLeft = 0;
  /** Polls are told when to come again. */
  #tells = true;
  /** Ticks of the last polls. */
  readonly #polls: number[] = [];
  /** Ticks before which the device was told not to ask. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(account: Account) {
    this.account = account;
  }

  #current: DpsConnection | undefined;

  /** A second connection ends the first: what is still on its way there was sent before. */
  take(connection: DpsConnection): void {
    const before = this.#current;
    this.#current = connection;
    if (before !== connection) before?.drop();
  }

  accept(link: Link): DpsConnection {
    return new DpsConnection(this, link);
  }

  /** The device has heard that it is not to ask again for so many seconds. */
  told(after: number): void {
    this.#notBefore = this.account.options.time.ticks() + after * 1000;
  }

  /** The device cannot know any more what it was told. */
  excuse(): void {
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }

  /** @param link by which it came */
  register(link: Link): Answer {
    this.#assertTold("registration", link);
    const refusal = this.#refusal();
    if (refusal) return refusal;
    const { random, events } = this.account.options;
    this.#operations += 1;
    this.#operation = `4.${this.account.options.registrationId}.${this.#operations}`;
    this.#pollsLeft = random.below(3);
    this.#tells = random.chance(0.7);
    const after = random.chance(0.2) ? undefined : random.pick([1, 2, 3, 3, 3, 5, 10]);
    events.step("assigning", this.#operation);
    return [202, JSON.stringify({ operationId: this.#operation, status: "assigning" }), after];
  }

  /** @param link by which it came */
  poll(operation: string, link: Link): Answer {
    this.#assertTold("poll", link);
    this.#assertRate(link);
    const refusal = this.#refusal();
    if (refusal) return refusal;
    const { account } = this;
    if (operation !== this.#operation || account.trouble("dps-forgetful") !== undefined) {
      return this.#error(404, 404_204, "operation not found");
    }
    if (account.trouble("dps-slow") !== undefined || this.#pollsLeft > 0) {
      this.#pollsLeft -= 1;
      const body = { operationId: operation, status: "assigning", registrationState: {} };
      return [202, JSON.stringify(body), this.#tells ? 3 : undefined];
    }
    const { registrationId, events, random } = account.options;
    const failed = account.trouble("dps-failed");
    if (failed !== undefined) {
      this.#operation = undefined;
      const state = {
        registrationId,
        status: "failed",
        errorCode: 400_207,
        errorMessage: "allocation failed",
      };
      return [
        200,
        JSON.stringify({ operationId: operation, status: "failed", registrationState: state }),
        undefined,
      ];
    }
    account.assign();
    events.step("assigned", account.hub);
    const state = {
      registrationId,
      assignedHub: random.chance(0.2) ? account.hub.toUpperCase() : account.hub,
      deviceId: account.deviceId,
      status: "assigned",
      substatus: "initialAssignment",
      createdDateTimeUtc: "2026-11-23T03:11:13.0276997Z",
    };
    return [
      200,
      JSON.stringify({ operationId: operation, status: "assigned", registrationState: state }),
      undefined,
    ];
  }

  #refusal(): Answer | undefined {
    const { account } = this;
    const { random, registrationId } = account.options;
    const after = account.trouble("dps-throttled");
    if (after !== undefined) return this.#error(429, 429_001, "throttled", after || undefined);
    const server = account.trouble("dps-server-error");
    if (server !== undefined) {
      return this.#error(
        random.pick([500, 502, 503, 504]),
        500_001,
        "internal",
        random.chance(0.3) ? server : undefined,
      );
    }
    const malformed = account.trouble("dps-malformed");
    if (malformed !== undefined) return [200, MALFORMED[malformed % MALFORMED.length] as string, undefined];
    if (account.trouble("dps-unauthorized") !== undefined) return this.#error(401, 401_002, "Unauthorized");
    if (account.disabled || account.trouble("dps-disabled") !== undefined) {
      const state = { registrationId, status: "disabled" };
      return [200, JSON.stringify({ status: "disabled", registrationState: state }), undefined];
    }
    return undefined;
  }

  #error(status: number, errorCode: number, message: string, after?: number): Answer {
    const body = { errorCode, trackingId: "t", message, timestampUtc: "2026-11-23T05:24:22.4718526Z" };
    return [status, JSON.stringify(body), after];
  }

  #assertTold(what: string, link: Link): void {
    // What comes by a connection that the device has given up was held up on its way.
    if (!link.open) return;
    const early = this.#notBefore - this.account.options.time.ticks();
    if (early > 0)
      this.account.options.events.fault(`DPS: a ${what} ${Math.ceil(early)} ms before retry-after`);
  }

  #assertRate(link: Link): void {
    if (!link.open) return;
    const now = this.account.options.time.ticks();
    this.#polls.push(now);
    if (this.#polls.length > 6) this.#polls.shift();
    // Requests may have been held up on their way: what is compared is six, not five.
    if (this.#polls.length === 6 && now - (this.#polls[0] as number) < 8_000) {
      this.account.options.events.fault("DPS: over 5 polls in 10 s");
    }
  }
}

export class DpsConnection extends Connection {
  readonly #record: DpsRecord;
  #subscribed = false;

  constructor(record: DpsRecord, link: Link) {
    super(record.account, link);
    this.#record = record;
  }

  connect(packet: ConnectPacket): void {
    const { idScope, registrationId, events } = this.account.options;
    events.step("dps-connect", "");
    if (packet.id !== registrationId || !packet.clean) this.broken(`DPS: client id ${packet.id}`);
    const user = `${idScope}/registrations/${registrationId}/api-version=2019-03-31`;
    const good = this.judge(packet, user, `${idScope}/registrations/${registrationId}`) !== "expired";
    const code = this.account.trouble("dps-connack") ?? (good ? 0 : 5);
    this.send(connack(code, false));
    if (code > 0) this.end();
    else {
      this.accepted = true;
      this.#record.take(this);
    }
  }

  drop(): void {
    this.end();
  }

  subscribe(id: number, filters: readonly string[]): void {
    if (!this.accepted || filters.length !== 1 || filters[0] !== "$dps/registrations/res/#") {
      this.broken(`DPS: SUBSCRIBE ${filters.join(", ")}`);
      return;
    }
    this.account.options.events.step("dps-subscribe", "");
    this.#subscribed = true;
    this.send(suback(id, [1]));
  }

  publish({ topic, QoS, id, retain, payload }: PublishPacket): void {
    if (!this.accepted || QoS > 1 || retain) {
      this.broken(`DPS: PUBLISH with QoS ${QoS}, ${this.accepted ? "" : "before CONNACK, "}retain ${retain}`);
      return;
    }
    if (!this.#subscribed) {
      this.broken("DPS: a request before SUBSCRIBE");
      return;
    }
    if (id > 0) this.send(puback(id));
    const { events, registrationId } = this.account.options;
    let answer: Answer;
    let requestId: string;
    if (topic.startsWith(REGISTER)) {
      requestId = topic.slice(REGISTER.length);
      events.step("register", requestId);
      const body = payload.length > 0 ? JSON.parse(payload.toString("utf8")) : {};
      if (body.registrationId !== registrationId) events.fault(`DPS: the body is for ${body.registrationId}`);
      answer = this.#record.register(this.link);
    } else if (topic.startsWith(POLL)) {
      const [request = "", operation = ""] = topic.slice(POLL.length).split("&operationId=");
      requestId = request;
      events.step("poll", operation);
      answer = this.#record.poll(decodeURIComponent(operation), this.link);
    } else {
      this.broken(`DPS: PUBLISH to ${topic}`);
      return;
    }
    if (this.account.trouble("dps-silent") !== undefined) return;
    const [status, body, after] = answer;
    const told = after === undefined ? "" : `&retry-after=${after}`;
    this.send(
      publish(`$dps/registrations/res/${status}/?$rid=${requestId}${told}`, body),
      after === undefined ? undefined : () => this.#record.told(after),
    );
  }

  puback(): void {
    this.broken("DPS: PUBACK");
  }

  pingreq(): void {
    this.send(PINGRESP);
  }
}
