// SPDX-License-Identifier: MIT
/**
 * The QoS 1 messages that wait for PUBACK, and the packet identifiers in use (sections 2.3.1 and 4.4).
 *
 * It outlives a connection: a session that follows sends again what is still here, in the old order
 * [MQTT-4.6.0-1]. The window is fixed, so its memory is too.
 */
import { invalidArgument } from "../error";
import type { Field } from "./writer";

/** A message on its way to the server. Its bytes must not change until it is acknowledged. */
export interface OutboundMessage {
  readonly topic: Field;
  readonly payload: Uint8Array;
  readonly retain?: boolean;
}

const MOST_RESERVED = 1_024;

export class InFlight<Message extends OutboundMessage = OutboundMessage> {
  readonly #ids: Uint16Array;
  readonly #messages: (Message | undefined)[];
  /** Identifiers of SUBSCRIBE and UNSUBSCRIBE packets that wait for their answer. */
  #reserved: number[] = [];
  /** How many return codes the answer to each of them must have. */
  #returnCodes: number[] = [];
  #count = 0;
  #last: number;

  /**
   * @param window how many messages may wait for PUBACK at a time, 1 to 1,024
   * @param last the identifier before the first one to use, 0 to 65,535
   * @throws BerthError `invalid-argument`
   */
  constructor(window = 8, last = 0) {
    if (!(Number.isInteger(window) && window >= 1 && window <= 1024)) {
      throw invalidArgument("window is not 1 to 1024");
    }
    if (!(Number.isInteger(last) && last >= 0 && last <= 65_535)) {
      throw invalidArgument("last is not 0 to 65535");
    }
    this.#ids = new Uint16Array(window);
    this.#messages = new Array<Message | undefined>(window).fill(undefined);
    this.#last = last;
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.#ids.length;
  }

  /** Takes a message in. @returns its identifier, or 0 when the window is full */
  add(message: Message): number {
    const count = this.#count;
    if (count === this.#ids.length) return 0;
    const id = this.#nextId();
    this.#ids[count] = id;
    this.#messages[count] = message;
    this.#count = count + 1;
    return id;
  }

  /** Takes the newest message out again: it was not sent. */
  undo(): void {
    this.#count -= 1;
    this.#messages[this.#count] = undefined;
  }

  /** Takes an acknowledged message out. @returns undefined when no message has that identifier */
  acknowledge(id: number): Message | undefined {
    const index = this.indexOf(id);
    return index < 0 ? undefined : this.take(index);
  }

  /** Takes the message at `index` out, 0 the oldest. */
  take(index: number): Message {
    const message = this.messageAt(index);
    const last = this.#count - 1;
    if (index < last) {
      this.#ids.copyWithin(index, index + 1, last + 1);
      this.#messages.copyWithin(index, index + 1, last + 1);
    }
    this.undo();
    return message;
  }

  /** Where the message with that identifier stands, 0 the oldest; -1 when there is none. */
  indexOf(id: number): number {
    // No `subarray().indexOf()`: the window is small, and a view a message is one allocation too many.
    for (let i = 0; i < this.#count; i += 1) if (this.#ids[i] === id) return i;
    return -1;
  }

  /** Identifier of the message at `index`, 0 the oldest. */
  idAt(index: number): number {
    return this.#ids[index] as number;
  }

  /** The message at `index`, 0 the oldest. */
  messageAt(index: number): Message {
    return this.#messages[index] as Message;
  }

  /**
   * An identifier for SUBSCRIBE or UNSUBSCRIBE; `release` gives it back.
   * @param returnCodes how many the answer must have: one a filter for SUBSCRIBE, none for UNSUBSCRIBE
   * @returns 0 when 1,024 wait already: with the window they stay far below the identifiers that there are
   */
  reserve(returnCodes = 0): number {
    if (this.#reserved.length >= MOST_RESERVED) return 0;
    const id = this.#nextId();
    this.#reserved.push(id);
    this.#returnCodes.push(returnCodes);
    return id;
  }

  /** @returns what `reserve` was given, or -1 when the identifier was not reserved */
  release(id: number): number {
    const index = this.#reserved.indexOf(id);
    if (index < 0) return -1;
    const code = this.#returnCodes[index] as number;
    const isOther = (_: number, at: number): boolean => at !== index;
    this.#reserved = this.#reserved.filter(isOther);
    this.#returnCodes = this.#returnCodes.filter(isOther);
    return code;
  }

  /** How many identifiers are reserved. */
  get reserved(): number {
    return this.#reserved.length;
  }

  /** The identifier that was reserved first of those that are; 0 without any. */
  get firstReserved(): number {
    return this.#reserved[0] ?? 0;
  }

  /** Gives all reserved identifiers back: their connection is gone. */
  releaseAll(): void {
    this.#reserved.length = this.#returnCodes.length = 0;
  }

  /** 1 to 65,535, never one in use [MQTT-2.3.1-1, 2.3.1-2]. */
  #nextId(): number {
    let id = this.#last;
    do {
      id = id === 65_535 ? 1 : id + 1;
      // Where nothing waits nothing is searched.
    } while (
      (this.#count && this.indexOf(id) >= 0) ||
      (this.#reserved.length && this.#reserved.includes(id))
    );
    this.#last = id;
    return id;
  }
}
