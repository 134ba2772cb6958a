// SPDX-License-Identifier: MIT
/**
 * The telemetry that waits for a connection with room: first in, first out, bounded in number and in bytes.
 *
 * The messages are links of a list, and used again once they are acknowledged: in steady state nothing is allocated.
 */
import type { HubMessage } from "../azure/hub/feature";
import { BerthError, inRange, invalidArgument } from "../error";
import type { Host } from "../host";
import { NO_BYTES } from "../mqtt/packets";
import type { Identity } from "./identity";

/** The property bag of a message without properties. */
export const NO_BAG = "";

/** Whose messages they are. */
export interface MessageOwner {
  acknowledged(message: TelemetryMessage): void;
  recalled(message: TelemetryMessage): void;
}

/** A telemetry message. Its topic is set when it is sent: the device id can change until then. */
export class TelemetryMessage implements HubMessage {
  readonly #owner: MessageOwner;
  readonly QoS = 1;
  topic = NO_BYTES;
  payload = NO_BYTES;
  /** The property bag, encoded. */
  bag = NO_BAG;
  /** The one behind it, among those that wait or those that are free. */
  next: TelemetryMessage | undefined = undefined;

  constructor(owner: MessageOwner) {
    this.#owner = owner;
  }

  acknowledged(): void {
    this.#owner.acknowledged(this);
  }

  recalled(): void {
    this.#owner.recalled(this);
  }
}

/** Where messages wait. `Outbox` is the one in memory. */
export interface MessageQueue {
  /** The next to be sent. */
  readonly oldest: TelemetryMessage | undefined;
  /** Messages that wait. */
  readonly count: number;
  /** The device starts. May be called again. @returns how many messages were dropped */
  start?(): number;
  hasRoom(bytes: number): boolean;
  /** As `Outbox`. */
  add(payload: Uint8Array, bag?: string): number;
  shift(): void;
  restore(message: TelemetryMessage): void;
  release(message: TelemetryMessage): void;
  clear(): void;
}

/** Makes a queue that outlasts a power cut: what `flashLog` of src/flash-log.ts gives. */
export type MakeMessageQueue = (
  owner: MessageOwner,
  options: OutboxOptions,
  host: Host,
  identity: Identity,
  /** Tells the application; nothing while the device is stopped. Not from inside a method of the queue. */
  report: (error: BerthError) => void,
) => MessageQueue;

export interface OutboxOptions {
  /** Keeps messages in flash, whose size is their bound then; the others are for what flash does not take. */
  readonly log?: MakeMessageQueue;
  /** How many messages wait at most. Default 32. */
  readonly capacity?: number;
  /** How many bytes of payload wait at most. Default 16,384. */
  readonly bytes?: number;
  /**
   * What becomes of a message for which there is no room: refused with `outbox-full` ("refuse", the default), or the
   * oldest of those that wait are dropped for it ("drop-oldest"), never one that is on its way.
   */
  readonly whenFull?: "refuse" | "drop-oldest";
}

export class Outbox implements MessageQueue {
  readonly #owner: MessageOwner;
  readonly #dropsOldest: boolean;
  readonly #capacity: number;
  readonly #maximumBytes: number;
  /** The oldest message; set by the outbox only. No getter: a call less a message. */
  oldest: TelemetryMessage | undefined = undefined;
  #last: TelemetryMessage | undefined;
  #count = 0;
  #bytes = 0;
  /** Those to be used again: as many as ever waited or were on their way at a time, less those that are. */
  #free: TelemetryMessage | undefined;

  /** @throws BerthError `invalid-argument` for a bound below 1, or an unknown policy */
  constructor(owner: MessageOwner, options?: OutboxOptions) {
    this.#owner = owner;
    inRange(options?.capacity, 1, Number.POSITIVE_INFINITY, "outbox.capacity");
    inRange(options?.bytes, 1, Number.POSITIVE_INFINITY, "outbox.bytes");
    this.#capacity = options?.capacity ?? 32;
    this.#maximumBytes = options?.bytes ?? 16_384;
    const { whenFull = "refuse" } = options ?? {};
    if (whenFull !== "refuse" && whenFull !== "drop-oldest") {
      throw invalidArgument("outbox.whenFull is not refuse or drop-oldest");
    }
    this.#dropsOldest = whenFull === "drop-oldest";
  }

  get count(): number {
    return this.#count;
  }

  /** A payload of `bytes` can be added. */
  hasRoom(bytes: number): boolean {
    return this.#count < this.#capacity && this.#bytes + bytes <= this.#maximumBytes;
  }

  /**
   * Appends.
   * @returns how many messages were dropped for it
   * @throws BerthError `outbox-full`, `packet-too-large` for what never has room; nothing is dropped for it
   */
  add(payload: Uint8Array, bag = NO_BAG): number {
    const dropped = this.hasRoom(payload.length) ? 0 : this.#makeRoom(payload.length);
    const message = this.#free ?? new TelemetryMessage(this.#owner);
    this.#free = message.next;
    message.next = undefined;
    message.payload = payload;
    message.bag = bag;
    if (this.#last) this.#last.next = message;
    else this.oldest = message;
    this.#last = message;
    this.#count += 1;
    this.#bytes += payload.length;
    return dropped;
  }

  /** Removes the oldest message: it is on its way, until `restore` or `release` takes it back. */
  shift(): void {
    const message = this.oldest;
    if (!message) return;
    this.oldest = message.next;
    if (!this.oldest) this.#last = undefined;
    message.next = undefined;
    this.#count -= 1;
    this.#bytes -= message.payload.length;
  }

  /** Puts a message that was on its way back to the front: over the bounds if need be, it was accepted. */
  restore(message: TelemetryMessage): void {
    message.next = this.oldest;
    this.oldest = message;
    this.#last ??= message;
    this.#count += 1;
    this.#bytes += message.payload.length;
  }

  /** Drops all that wait. */
  clear(): void {
    while (this.#count > 0) this.#drop();
  }

  /** Takes a message back that was on its way and is acknowledged: the object is used again. */
  release(message: TelemetryMessage): void {
    message.topic = message.payload = NO_BYTES;
    message.bag = NO_BAG;
    message.next = this.#free;
    this.#free = message;
  }

  /** @returns how many messages were dropped */
  #makeRoom(bytes: number): number {
    if (bytes > this.#maximumBytes) {
      throw new BerthError("packet-too-large", `a payload over the outbox's ${this.#maximumBytes} bytes`);
    }
    if (!this.#dropsOldest) {
      throw new BerthError("outbox-full", `${this.#count} messages, ${this.#bytes} bytes waiting`);
    }
    let dropped = 0;
    for (; !this.hasRoom(bytes); dropped += 1) this.#drop();
    return dropped;
  }

  /** Drops the oldest. */
  #drop(): void {
    const message = this.oldest;
    this.shift();
    if (message) this.release(message);
  }
}
