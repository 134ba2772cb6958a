// SPDX-License-Identifier: MIT
/** The telemetry that waits for a connection with room: first in, first out, bounded in number and in bytes. */
import { BerthError } from "../error";
import type { OutboundMessage } from "../mqtt/in-flight";
import type { Field } from "../mqtt/writer";

/** A telemetry message. Its topic is set when it is sent: the device id can change until then. */
export class TelemetryMessage implements OutboundMessage {
  topic: Field = "";
  readonly payload: Uint8Array;
  /** The property bag, encoded. */
  readonly bag: string;

  constructor(payload: Uint8Array, bag: string) {
    this.payload = payload;
    this.bag = bag;
  }
}

export interface OutboxOptions {
  /** How many messages wait at most. Default 32. */
  readonly capacity?: number;
  /** How many bytes of payload wait at most. Default 16,384. */
  readonly bytes?: number;
}

export class Outbox {
  readonly #messages: TelemetryMessage[] = [];
  readonly #capacity: number;
  readonly #maximumBytes: number;
  #bytes = 0;

  /** @throws BerthError `invalid-argument` for a bound below 1 */
  constructor(options?: OutboxOptions) {
    this.#capacity = options?.capacity ?? 32;
    this.#maximumBytes = options?.bytes ?? 16_384;
    if (!(this.#capacity >= 1 && this.#maximumBytes >= 1)) {
      throw new BerthError("invalid-argument", "the outbox needs a capacity of 1 or more");
    }
  }

  get count(): number {
    return this.#messages.length;
  }

  /** Appends. @throws BerthError `outbox-full`; nothing is dropped for it */
  add(message: TelemetryMessage): void {
    const full = this.#messages.length >= this.#capacity;
    if (full || this.#bytes + message.payload.length > this.#maximumBytes) {
      throw new BerthError("outbox-full", `${this.#messages.length} messages, ${this.#bytes} bytes waiting`);
    }
    this.#messages.push(message);
    this.#bytes += message.payload.length;
  }

  /** The oldest message, which stays. */
  first(): TelemetryMessage | undefined {
    return this.#messages[0];
  }

  /** Removes the oldest message: it is on its way. */
  shift(): void {
    const message = this.#messages.shift();
    if (message) this.#bytes -= message.payload.length;
  }

  /** Puts messages that were on their way back to the front, oldest first: over the bounds if need be, they were accepted. */
  restore(messages: readonly TelemetryMessage[]): void {
    this.#messages.unshift(...messages);
    for (const message of messages) this.#bytes += message.payload.length;
  }
}
