// SPDX-License-Identifier: MIT
/**
 * Telemetry as a feature: the outbox, the property bag that is encoded once, and the word when there is room again.
 * What waits or is on its way outlives connections. In steady state a message allocates nothing.
 */
import { Alarm } from "../alarm";
import type { HubFeature, HubFeatureHost } from "../azure/hub/feature";
import { telemetryTopic } from "../azure/hub/telemetry";
import { encodeProperties, type Properties } from "../azure/properties";
import { asBerthError, BerthError } from "../error";
import { MAXIMUM_FIELD_LENGTH, NO_BYTES } from "../mqtt/packets";
import { type MessageOwner, type MessageQueue, NO_BAG, type TelemetryMessage } from "./outbox";
import type { AgentHandler, Reports } from "./reports";

/** A topic with the longest device id, before the property bag. */
const LONGEST_TOPIC = telemetryTopic("").length + 128;
const LONGEST_BAG = MAXIMUM_FIELD_LENGTH - LONGEST_TOPIC;
const NO_FILTERS: readonly string[] = Object.freeze([]);

export class Telemetry implements HubFeature, MessageOwner {
  readonly #handler: AgentHandler;
  readonly #reports: Reports;
  readonly #outbox: MessageQueue;
  readonly #host: HubFeatureHost;
  readonly #dropAlarm: Alarm;
  /** Messages on their way. */
  #away = 0;
  /** Since `start`. */
  #acknowledged = 0;
  #open = false;
  #closing = false;
  /** Dropped messages that nobody was told of. */
  #dropped = 0;
  #telling = false;
  /** Bytes of the payload that `send` last refused; -1 while nobody waits for room. */
  #wantsRoom = -1;
  /** The last properties that were frozen, and their bag with its length: encoded once. */
  #properties: Properties | undefined;
  #bag = NO_BAG;
  #bagLength = 0;
  /** The bag that was sent last, and the topic that ends in it: encoded once for messages in a row that have the same. */
  #sentBag: string | undefined;
  #topic = NO_BYTES;

  /** @throws BerthError as `makeOutbox` */
  constructor(
    host: HubFeatureHost,
    makeOutbox: (owner: MessageOwner) => MessageQueue,
    handler: AgentHandler,
    reports: Reports,
  ) {
    this.#host = host;
    this.#handler = handler;
    this.#reports = reports;
    this.#outbox = makeOutbox(this);
    this.#dropAlarm = new Alarm(host.timers, (error) => host.report(error));
  }

  /** Messages that wait to be sent or acknowledged. */
  get pending(): number {
    return this.#outbox.count + this.#away;
  }

  /** As `Agent.send`; the caller wakes the connection: one call less a message. */
  send(payload: Uint8Array, properties?: Properties): void {
    let size = payload.length;
    if (properties) {
      if (properties !== this.#properties) this.#encode(properties);
      size += this.#bagLength;
    }
    const largest = this.#host.largest - LONGEST_TOPIC;
    if (size > largest)
      throw new BerthError("packet-too-large", `payload and properties over ${largest} bytes`);
    try {
      const dropped = this.#outbox.add(payload, properties && this.#bag);
      if (dropped > 0) this.#drop(dropped);
    } catch (error) {
      if (asBerthError(error).code === "outbox-full") this.#wantsRoom = payload.length;
      throw error;
    }
  }

  start(): void {
    this.#acknowledged = 0;
    const dropped = this.#outbox.start?.() ?? 0;
    if (dropped > 0) this.#drop(dropped);
  }

  /** The device is stopped: nothing is told. */
  stop(): void {
    this.#dropAlarm.cancel();
    this.#telling = false;
  }

  attach(): void {
    // Made by the device itself.
  }

  filters(): readonly string[] {
    return NO_FILTERS;
  }

  opened(): void {
    this.#open = true;
    this.#tellDropped();
    // After `forget` no acknowledgement makes room.
    this.#tellRoom();
  }

  closing(): void {
    this.#closing = true;
  }

  closed(): void {
    this.#open = this.#closing = false;
  }

  moved(): void {
    // The device id may be another.
    this.#sentBag = undefined;
  }

  forget(): number {
    const { count } = this.#outbox;
    this.#outbox.clear();
    return count;
  }

  take(): boolean {
    return false;
  }

  first(deviceId: string): TelemetryMessage | undefined {
    if (this.#closing) return undefined;
    const message = this.#outbox.oldest;
    if (message) {
      if (message.bag !== this.#sentBag) {
        this.#topic = this.#host.text.encode(telemetryTopic(deviceId) + message.bag);
        this.#sentBag = message.bag;
      }
      message.topic = this.#topic;
    }
    return message;
  }

  sent(): void {
    this.#outbox.shift();
    this.#away += 1;
  }

  acknowledged(message: TelemetryMessage): void {
    this.#away -= 1;
    this.#acknowledged += 1;
    // Not by a function of `Reports`: a call a message.
    try {
      this.#handler.onAcknowledged?.(message, this.#acknowledged);
    } catch (error) {
      this.#reports.blame("onAcknowledged", error);
    }
    this.#outbox.release(message);
    if (this.#wantsRoom < 0) return;
    // What waits goes first: room for one more may come of it.
    this.#host.wake();
    this.#tellRoom();
  }

  recalled(message: TelemetryMessage): void {
    this.#away -= 1;
    this.#outbox.restore(message);
  }

  #encode(properties: Properties): void {
    const bag = encodeProperties(properties);
    if (bag.length > LONGEST_BAG) {
      throw new BerthError("packet-too-large", `properties over ${LONGEST_BAG} bytes`);
    }
    this.#bag = bag;
    this.#bagLength = bag.length;
    // Others may have changed when they come again.
    this.#properties = Object.isFrozen(properties) ? properties : undefined;
  }

  #tellRoom(): void {
    if (this.#wantsRoom < 0 || !this.#open || !this.#outbox.hasRoom(this.#wantsRoom)) return;
    this.#wantsRoom = -1;
    this.#reports.room();
  }

  /** Told a moment later: no callback comes from inside `send`. */
  #drop(count: number): void {
    this.#dropped += count;
    if (this.#telling) return;
    this.#telling = true;
    this.#dropAlarm.set(0, () => this.#tellDropped());
  }

  #tellDropped(): void {
    this.#dropAlarm.cancel();
    this.#telling = false;
    const count = this.#dropped;
    if (count === 0) return;
    this.#dropped = 0;
    if (!this.#reports.dropped(count)) this.#dropped += count;
  }
}
