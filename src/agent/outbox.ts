// SPDX-License-Identifier: MIT
/**
 * The telemetry that waits for a connection with room: first in, first out, bounded in number and in bytes.
 *
 * The messages are links of a list, and used again once they are acknowledged: in steady state nothing is allocated.
 */
import { BerthError, invalidArgument } from "../error";
import type { OutboundMessage } from "../mqtt/in-flight";
import { NO_BYTES } from "../mqtt/packets";

/** The property bag of a message without properties. */
export const NO_BAG = "";

/** A telemetry message. Its topic is set when it is sent: the device id can change until then. */
export class TelemetryMessage implements OutboundMessage {
  topic = NO_BYTES;
  payload = NO_BYTES;
  /** The property bag, encoded. */
  bag = NO_BAG;
  /** The one behind it, among those that wait or those that are free. */
  next: TelemetryMessage | undefined = undefined;
}

export interface OutboxOptions {
  /** How many messages wait at most. Default 32. */
  readonly capacity?: number;
  /** How many bytes of payload wait at most. Default 16,384. */
  readonly bytes?: number;
}

export class Outbox {
  readonly #capacity: number;
  readonly #maximumBytes: number;
  #first: TelemetryMessage | undefined;
  #last: TelemetryMessage | undefined;
  #count = 0;
  #bytes = 0;
  /** Those to be used again: as many as ever waited or were on their way at a time, less those that are. */
  #free: TelemetryMessage | undefined;

  /** @throws BerthError `invalid-argument` for a bound below 1 */
  constructor(options?: OutboxOptions) {
    this.#capacity = options?.capacity ?? 32;
    this.#maximumBytes = options?.bytes ?? 16_384;
    if (!(this.#capacity >= 1 && this.#maximumBytes >= 1)) {
      throw invalidArgument("the outbox needs a capacity of 1 or more");
    }
  }

  get count(): number {
    return this.#count;
  }

  /** A payload of `bytes` can be added. */
  hasRoom(bytes: number): boolean {
    return this.#count < this.#capacity && this.#bytes + bytes <= this.#maximumBytes;
  }

  /** Appends. @throws BerthError `outbox-full`, `packet-too-large` for what never has room; nothing is dropped for it */
  add(payload: Uint8Array, bag = NO_BAG): void {
    if (!this.hasRoom(payload.length)) {
      if (payload.length > this.#maximumBytes) {
        throw new BerthError("packet-too-large", `a payload over the outbox's ${this.#maximumBytes} bytes`);
      }
      throw new BerthError("outbox-full", `${this.#count} messages, ${this.#bytes} bytes waiting`);
    }
    const message = this.#free ?? new TelemetryMessage();
    this.#free = message.next;
    message.next = undefined;
    message.payload = payload;
    message.bag = bag;
    if (this.#last) this.#last.next = message;
    else this.#first = message;
    this.#last = message;
    this.#count += 1;
    this.#bytes += payload.length;
  }

  /** The oldest message, which stays. */
  first(): TelemetryMessage | undefined {
    return this.#first;
  }

  /** Removes the oldest message: it is on its way, until `restore` or `release` takes it back. */
  shift(): void {
    const message = this.#first;
    if (!message) return;
    this.#first = message.next;
    if (!this.#first) this.#last = undefined;
    message.next = undefined;
    this.#count -= 1;
    this.#bytes -= message.payload.length;
  }

  /** Puts messages that were on their way back to the front, oldest first: over the bounds if need be, they were accepted. */
  restore(messages: readonly TelemetryMessage[]): void {
    for (let i = messages.length - 1; i >= 0; i -= 1) {
      const message = messages[i] as TelemetryMessage;
      message.next = this.#first;
      this.#first = message;
      this.#last ??= message;
      this.#count += 1;
      this.#bytes += message.payload.length;
    }
  }

  /** Drops all that wait. */
  clear(): void {
    for (let message = this.#first; message; message = this.#first) {
      this.shift();
      this.release(message);
    }
  }

  /** Takes a message back that was on its way and is acknowledged: the object is used again. */
  release(message: TelemetryMessage): void {
    message.topic = message.payload = NO_BYTES;
    message.bag = NO_BAG;
    message.next = this.#free;
    this.#free = message;
  }
}
