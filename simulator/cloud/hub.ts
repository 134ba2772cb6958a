// SPDX-License-Identifier: MIT
/**
 * IoT Hub as a device sees it, judge of what the device may do there. Shares no code with `src/`. Source: "Communicate with
 * your IoT hub using the MQTT protocol".
 */
import type { Link } from "../network";
import { type ConnectPacket, connack, PINGRESP, type PublishPacket, puback, publish, suback } from "../wire";
import type { Account, Place, QueuedMessage } from "./account";
import { Connection } from "./connection";

const TWIN_GET = "$iothub/twin/GET/?$rid=";
const TWIN_PATCH = "$iothub/twin/PATCH/properties/reported/?$rid=";
const METHOD_ANSWER = "$iothub/methods/res/";
const DESIRED_FILTER = "$iothub/twin/PATCH/properties/desired/#";
const METHOD_FILTER = "$iothub/methods/POST/#";
const FILTERS = new Set([METHOD_FILTER, DESIRED_FILTER, "$iothub/twin/res/#"]);
/** IoT Hub lets so many messages to a device wait for PUBACK. */
const WINDOW = 5;
/** A message that was delivered so often without PUBACK is given up. */
const MOST_DELIVERIES = 10;

/** A hub's memory of a device, over its connections. */
export class HubRecord {
  readonly account: Account;
  readonly host: string;
  #current: HubConnection | undefined;
  #calls = 0;

  constructor(account: Account, host: string) {
    this.account = account;
    this.host = host;
  }

  accept(link: Link): HubConnection {
    return new HubConnection(this, link);
  }

  /** Undefined while DPS has put the device elsewhere. */
  get place(): Place | undefined {
    return this.account.places.get(this.host);
  }

  /** The device has subscribed to `filter`, or to anything, over all its connections. */
  subscribed(filter?: string): boolean {
    const filters = this.place?.filters;
    return filters !== undefined && (filter === undefined ? filters.size > 0 : filters.has(filter));
  }

  get current(): HubConnection | undefined {
    return this.#current;
  }

  /** A second connection of a device ends the first. */
  take(connection: HubConnection): void {
    const before = this.#current;
    this.#current = connection;
    before?.drop("another connection");
  }

  left(connection: HubConnection): void {
    if (this.#current === connection) this.#current = undefined;
  }

  /** Calls a method. @returns the id of the call, or undefined where the device is not there */
  call(name: string, payload: string): string | undefined {
    this.#calls += 1;
    const requestId = this.#calls.toString(16);
    return this.#current?.call(name, requestId, payload) ? requestId : undefined;
  }

  /** The service changes desired properties. */
  desire(patch: Record<string, unknown>): void {
    const twin = this.place?.twin;
    if (!twin) return;
    twin.desiredVersion += 1;
    merge(twin.desired, patch);
    this.#current?.desired(patch, twin.desiredVersion);
  }
}

/** A merge patch: null deletes. */
export function merge(target: Record<string, unknown>, patch: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete target[name];
    else target[name] = value;
  }
}

export class HubConnection extends Connection {
  readonly #record: HubRecord;
  readonly #account: Account;
  #lastHeard = 0;
  #keepAlive = 0;
  #ids = 0;
  /** Messages to the device that wait for PUBACK. */
  readonly #delivering = new Map<number, QueuedMessage>();
  /** Calls without an answer, with ticks at which they end. */
  readonly #calls = new Map<string, number>();

  constructor(record: HubRecord, link: Link) {
    super(record.account, link);
    this.#record = record;
    this.#account = record.account;
  }

  override closed(): void {
    if (this.over) return;
    super.closed();
    if (!this.accepted) return;
    this.#record.left(this);
    const { events } = this.#account.options;
    for (const id of this.#calls.keys()) events.methodEnded(id, undefined, "closed");
    this.#calls.clear();
    events.step("hub-closed", this.#record.host);
  }

  /** The hub ends it. */
  drop(why: string): void {
    this.#account.options.events.step("hub-closed", why);
    this.end();
  }

  connect(packet: ConnectPacket): void {
    const { account } = this;
    const { events, time, random } = account.options;
    const { host } = this.#record;
    events.step("hub-connect", host);
    if (packet.id !== account.deviceId || packet.clean)
      this.broken(`hub: client id ${packet.id}, clean ${packet.clean}`);
    const resource = `${host}/devices/${account.deviceId}`;
    const until = this.judge(packet, `${host}/${account.deviceId}/?api-version=2021-04-12`, resource);
    const known = this.#record.place !== undefined && !account.disabled;
    const code = account.trouble("hub-connack") ?? (until === "expired" || !known ? 5 : 0);
    if (code > 0) {
      events.step("hub-connack", String(code));
      this.send(connack(code, false));
      this.end();
      return;
    }
    this.accepted = true;
    this.#record.take(this);
    this.send(connack(0, this.#record.subscribed()));
    events.step("hub-connack", "0");
    this.#lastHeard = this.now;
    this.#keepAlive = packet.keepAlive * 1_500;
    if (this.#keepAlive === 0 || this.#keepAlive > 1_767_000)
      this.broken(`hub: keep alive ${packet.keepAlive} s`);
    this.#watch();
    if (typeof until === "number" && until !== Number.POSITIVE_INFINITY) {
      time.set(
        () => {
          if (this.over) return;
          events.step("token-end", String(this.link.since));
          this.drop("the token has ended");
        },
        Math.min(until - this.now, 2 ** 31),
      );
    }
    const flaps = account.trouble("hub-flaps");
    if (flaps !== undefined) time.set(() => this.end(), random.below(flaps));
    this.#deliver();
  }

  override bytes(bytes: Buffer): void {
    this.#lastHeard = this.now;
    super.bytes(bytes);
  }

  subscribe(id: number, filters: readonly string[]): void {
    if (!this.#assertAccepted("SUBSCRIBE")) return;
    const { account } = this;
    account.options.events.step("hub-subscribe", filters.join(" "));
    const own = `devices/${account.deviceId}/messages/devicebound/#`;
    const unknown = filters.find((filter) => filter !== own && !FILTERS.has(filter));
    if (unknown !== undefined || filters.length > 5) {
      this.broken(`hub: SUBSCRIBE ${filters.join(", ")}`);
      return;
    }
    if (account.trouble("hub-no-suback") !== undefined) return;
    if (account.trouble("hub-suback-refused") !== undefined) {
      this.send(
        suback(
          id,
          filters.map(() => 0x80),
        ),
      );
      return;
    }
    for (const filter of filters) this.#record.place?.filters.add(filter);
    this.send(
      suback(
        id,
        filters.map(() => 1),
      ),
    );
    this.#deliver();
  }

  publish({ topic, QoS, id, retain, payload }: PublishPacket): void {
    if (!this.#assertAccepted("PUBLISH")) return;
    const { account } = this;
    const { events, random } = account.options;
    if (QoS > 1 || retain) {
      this.broken(`hub: PUBLISH with QoS ${QoS}, retain ${retain}`);
    } else if (topic.startsWith(`devices/${account.deviceId}/messages/events/`)) {
      if (this.#record.place) events.telemetry(this.#record.host, payload);
      events.step("telemetry", "");
      if (id === 0 || account.trouble("hub-no-puback") !== undefined) return;
      this.send(puback(id));
      if (account.trouble("hub-repeats") !== undefined && random.chance(0.5)) this.send(puback(id));
    } else if (topic.startsWith(TWIN_GET)) this.#twin(topic.slice(TWIN_GET.length));
    else if (topic.startsWith(TWIN_PATCH)) this.#reported(topic.slice(TWIN_PATCH.length), payload);
    else if (topic.startsWith(METHOD_ANSWER)) this.#answered(topic);
    else this.broken(`hub: PUBLISH to ${topic}`);
  }

  puback(id: number): void {
    if (!this.#assertAccepted("PUBACK")) return;
    const message = this.#delivering.get(id);
    if (!message) return;
    this.#delivering.delete(id);
    const queue = this.#record.place?.queue ?? [];
    const at = queue.indexOf(message);
    if (at >= 0) queue.splice(at, 1);
    this.account.options.events.step("c2d-puback", String(message.number));
    this.account.options.events.delivered(message);
    this.#deliver();
  }

  pingreq(): void {
    this.account.options.events.step("pingreq", "");
    if (this.account.trouble("hub-no-pingresp") === undefined) this.send(PINGRESP);
  }

  /** A message has come into the queue, or there is room. */
  deliver(): void {
    this.#deliver();
  }

  call(name: string, requestId: string, payload: string): boolean {
    if (this.over || !this.#record.subscribed(METHOD_FILTER)) return false;
    const { events, time } = this.account.options;
    const limit = 30_000;
    this.#calls.set(requestId, this.now + limit);
    events.step("method", `${name} ${requestId}`);
    this.send(publish(`$iothub/methods/POST/${name}/?$rid=${requestId}`, payload));
    time.set(() => {
      if (!this.over && this.#calls.has(requestId)) {
        this.#calls.set(requestId, -1);
        events.methodEnded(requestId, undefined, "timeout");
      }
    }, limit);
    return true;
  }

  desired(patch: Record<string, unknown>, version: number): void {
    if (this.over || !this.#record.subscribed(DESIRED_FILTER)) return;
    this.account.options.events.step("desired", String(version));
    const body = JSON.stringify({ ...patch, $version: version });
    this.send(publish(`$iothub/twin/PATCH/properties/desired/?$version=${version}`, body));
  }

  /** Bytes that are no MQTT, or that MQTT forbids here. */
  garbage(bytes: Buffer): void {
    this.send(bytes);
  }

  #assertAccepted(what: string): boolean {
    if (!this.accepted && !this.over) {
      // Behind a CONNECT that was refused bytes may follow that were sent before its answer.
      this.broken(`hub: ${what} before CONNECT`);
    }
    return this.accepted && !this.over;
  }

  /** Closes after one and a half times the keep-alive without a packet [MQTT-3.1.2-24]. */
  #watch(): void {
    this.account.options.time.set(
      () => {
        if (this.over) return;
        if (this.now - this.#lastHeard >= this.#keepAlive) this.drop("nothing heard");
        else this.#watch();
      },
      this.#lastHeard + this.#keepAlive - this.now,
    );
  }

  #deliver(): void {
    const { place } = this.#record;
    const { account } = this;
    if (!place || this.over) return;
    if (!place.filters.has(`devices/${account.deviceId}/messages/devicebound/#`)) return;
    const waiting = new Set(this.#delivering.values());
    for (const message of [...place.queue]) {
      if (waiting.size >= WINDOW) return;
      if (waiting.has(message)) continue;
      message.deliveries += 1;
      if (message.deliveries > MOST_DELIVERIES) {
        place.queue.splice(place.queue.indexOf(message), 1);
        continue;
      }
      this.#ids += 1;
      this.#delivering.set(this.#ids, message);
      waiting.add(message);
      account.options.events.step("c2d", String(message.number));
      const topic = `devices/${account.deviceId}/messages/devicebound/%24.mid=${message.number}&number=${message.number}`;
      this.send(publish(topic, `message ${message.number}`, this.#ids, message.deliveries > 1));
      if (account.trouble("hub-repeats") !== undefined) {
        this.send(publish(topic, `message ${message.number}`, this.#ids, true));
      }
    }
  }

  #twin(requestId: string): void {
    const { place } = this.#record;
    this.account.options.events.step("twin-get", requestId);
    if (!place || this.#refused(requestId)) return;
    const { desired, desiredVersion, reported, reportedVersion } = place.twin;
    const body = JSON.stringify({
      desired: { ...desired, $version: desiredVersion },
      reported: { ...reported, $version: reportedVersion },
    });
    this.send(publish(`$iothub/twin/res/200/?$rid=${requestId}`, body));
  }

  #reported(requestId: string, payload: Buffer): void {
    const { place } = this.#record;
    this.account.options.events.step("reported", requestId);
    if (!place || this.#refused(requestId)) return;
    merge(place.twin.reported, JSON.parse(payload.toString("utf8")));
    place.twin.reportedVersion += 1;
    this.send(publish(`$iothub/twin/res/204/?$rid=${requestId}&$version=${place.twin.reportedVersion}`, ""));
  }

  #refused(requestId: string): boolean {
    const status = this.account.trouble("hub-twin");
    if (status === undefined) return false;
    const after = this.account.options.random.chance(0.5) ? "&retry-after=5" : "";
    if (status > 0) this.send(publish(`$iothub/twin/res/${status}/?$rid=${requestId}${after}`, "{}"));
    return true;
  }

  #answered(topic: string): void {
    const { events } = this.account.options;
    const match = /^\$iothub\/methods\/res\/(\d+)\/\?\$rid=([0-9a-f]+)$/.exec(topic);
    const requestId = match?.[2] ?? "";
    const until = this.#calls.get(requestId);
    events.step("method-answer", topic);
    if (!match || until === undefined) {
      events.fault(`hub: an answer that nobody waits for: ${topic}`);
      return;
    }
    this.#calls.delete(requestId);
    if (until > 0) events.methodEnded(requestId, Number(match[1]), "answered");
  }
}
