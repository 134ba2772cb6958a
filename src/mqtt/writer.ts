// SPDX-License-Identifier: MIT
/**
 * Writes the packets that an MQTT 3.1.1 client sends.
 *
 * All packets go, one behind the other, into one buffer. Each method computes the exact
 * size first and writes a packet whole or not at all: it returns false where there is no room for it now, and
 * throws where there never will be. Text is encoded in bulk by the host; a field that stays the same from
 * packet to packet can be handed over as bytes that were encoded once.
 */
import { BerthError, invalidArgument } from "../error";
import type { TextCodec } from "../host";
import {
  MAXIMUM_FIELD_LENGTH,
  MAXIMUM_REMAINING_LENGTH,
  type QoS,
  remainingLengthSize,
  topicNameFault,
} from "./packets";

/** Text, or its UTF-8 bytes. */
export type Field = string | Uint8Array;

/** A message that the server publishes when the connection ends without DISCONNECT (section 3.1.2.5). */
export interface Will {
  readonly topic: Field;
  readonly message: Field;
  readonly QoS?: QoS;
  readonly retain?: boolean;
}

/** The fields of CONNECT (section 3.1). */
export interface ConnectOptions {
  /** Client identifier. May be empty only with a clean session [MQTT-3.1.3-7]. */
  readonly id: Field;
  readonly user?: Field | undefined;
  /** Needs `user` [MQTT-3.1.2-22]. */
  readonly password?: Field | undefined;
  readonly will?: Will | undefined;
  /** Clean session. */
  readonly clean: boolean;
  /** Keep alive in seconds, 0 to 65,535; 0 turns it off. */
  readonly keepAlive: number;
}

/** "MQTT" with its length, and level 4: the first seven bytes of the variable header of CONNECT (sections 3.1.2.1 and 3.1.2.2). */
const PROTOCOL: readonly number[] = Object.freeze([0, 4, 0x4d, 0x51, 0x54, 0x54, 4]);

/** Type and flags, and four bytes of length. */
const LONGEST_HEADER = 5;
const LONGEST_PACKET = LONGEST_HEADER + MAXIMUM_REMAINING_LENGTH;

/** Not as a literal where packets are written: XS makes a new string of one each time, unless the code lies in ROM. */
const TEXT = "string";

/** So many characters have no more bytes than a field: a character takes three at most, a pair of surrogates four. */
const SURELY_A_FIELD = MAXIMUM_FIELD_LENGTH / 3;

/** What packets go to: a transport. */
export interface PacketSink {
  /** Takes `bytes` from `start` to `end`, which are free for reuse on return. Returns the room left. */
  write(bytes: Uint8Array, start: number, end: number): number;
}

export class PacketWriter {
  #buffer: Uint8Array;
  /** The same memory, for numbers of two bytes: one native call, not two stores. */
  #view: DataView;
  readonly #limit: number;
  readonly #text: TextCodec;
  /** Where the next byte goes. */
  #end = 0;
  /** What has been consumed already. */
  #start = 0;

  /**
   * @param buffer holds the packets until they are consumed
   * @param limit to what length it grows, by need; that bounds the size of a packet
   */
  constructor(buffer: Uint8Array, text: TextCodec, limit = 0) {
    // A longer packet than that cannot be written down: one too large for MQTT is too large for the buffer.
    this.#buffer = buffer.length > LONGEST_PACKET ? buffer.subarray(0, LONGEST_PACKET) : buffer;
    this.#view = viewOf(buffer);
    this.#limit = Math.max(limit, this.#buffer.length);
    this.#text = text;
  }

  /** How many bytes wait to be consumed. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /**
   * Hands what waits over to `sink` as far as there is room, by offsets: nothing is copied or allocated.
   * @param room how many bytes `sink` takes now
   * @returns the room left
   * @throws what `sink` throws; the bytes still wait
   */
  drain(sink: PacketSink, room: number): number {
    let left = room;
    let start = this.#start;
    while (left > 0 && start < this.#end) {
      const end = left < this.#end - start ? start + left : this.#end;
      left = sink.write(this.#buffer, start, end);
      this.consume(end - start);
      start = this.#start;
    }
    return left;
  }

  /** Marks the next `count` bytes as sent. */
  consume(count: number): void {
    const start = this.#start + count;
    if (start < this.#end) this.#start = start;
    else this.#start = this.#end = 0;
  }

  /** Wipes all but what waits to be consumed: what has been sent may hold a password. */
  wipe(): void {
    this.#buffer.fill(0, 0, this.#start);
    this.#buffer.fill(0, this.#end);
  }

  /**
   * CONNECT (section 3.1).
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for a field over 65,535 bytes, NUL or a lone surrogate in a text, a password without a
   *   user, an empty id without a clean session, a keep alive out of range; `packet-too-large`
   */
  connect(options: ConnectOptions): boolean {
    const { user, password, will, keepAlive } = options;
    if (password !== undefined && user === undefined) {
      throw invalidArgument("password without user [MQTT-3.1.2-22]");
    }
    if (!(keepAlive >= 0 && keepAlive <= 65_535) || keepAlive % 1 !== 0) {
      throw invalidArgument("keepAlive is not 0 to 65535 whole seconds");
    }
    const { id, clean } = options;
    this.#checkText(id, "id");
    if (id.length === 0 && !clean) {
      throw invalidArgument("an empty id needs a clean session [MQTT-3.1.3-7]");
    }
    let flags = clean ? 0x02 : 0;
    let size = 10 + 2 + id.length;
    if (will) {
      this.#checkTopicName(will.topic);
      this.#checkLength(will.message, "will.message");
      flags |= 0x04 | ((will.QoS ?? 0) << 3) | (will.retain ? 0x20 : 0);
      size += 4 + will.topic.length + will.message.length;
    }
    if (user !== undefined) {
      this.#checkText(user, "user");
      flags |= 0x80;
      size += 2 + user.length;
    }
    if (password !== undefined) {
      this.#checkLength(password, "password");
      flags |= 0x40;
      size += 2 + password.length;
    }
    let at = this.#begin(0x10, size);
    if (at < 0) return false;
    const buffer = this.#buffer;
    buffer.set(PROTOCOL, at);
    buffer[at + 7] = flags;
    this.#view.setUint16(at + 8, keepAlive);
    at = this.#field(at + 10, id);
    if (will) {
      at = this.#field(at, will.topic);
      at = this.#field(at, will.message);
    }
    if (user !== undefined) at = this.#field(at, user);
    if (password !== undefined) at = this.#field(at, password);
    if (at < 0) return this.connect(this.#encoded(options));
    this.#end = at;
    return true;
  }

  /**
   * PUBLISH (section 3.3).
   * @param topic the topic name; as bytes it is taken as checked (see `encodeTopicName`)
   * @param payload the message, copied
   * @param QoS default 0
   * @param id packet identifier, 1 to 65,535, for QoS 1; not looked at for QoS 0
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for an empty topic, one with a wildcard, NUL or a lone surrogate, an id out of range;
   *   `packet-too-large`
   */
  publish(
    topic: Field,
    payload: Uint8Array,
    QoS?: QoS,
    id?: number,
    duplicate?: boolean,
    retain?: boolean,
  ): boolean {
    const length = topic.length;
    const isText = typeof topic === TEXT;
    if (isText) {
      // Not by #checkTopicName: a call costs the engine of the device as much as a header.
      const fault = topicNameFault(topic as string);
      if (fault) throw invalidArgument(fault);
      if (length > SURELY_A_FIELD) this.#checkLength(topic, "topic");
    }
    let first = 0x30;
    let size = 2 + length + payload.length;
    if (QoS) {
      // As isPacketId, without the call.
      if (id === 0 || ((id as number) & 0xffff) !== id) throw wrongId();
      first = duplicate ? 0x3a : 0x32;
      size += 2;
    }
    const at = this.#begin(retain ? first | 0x01 : first, size);
    if (at < 0) return false;
    const buffer = this.#buffer;
    const end = at + size;
    const payloadAt = end - payload.length;
    this.#view.setUint16(at, length);
    if (!isText) buffer.set(topic as Uint8Array, at + 2);
    else if (this.#text.encodeInto(topic as string, buffer, at + 2) !== length) {
      return this.publish(this.#bytes(topic), payload, QoS, id, duplicate, retain);
    }
    if (QoS) this.#view.setUint16(payloadAt - 2, id as number);
    buffer.set(payload, payloadAt);
    this.#end = end;
    return true;
  }

  /**
   * PUBACK (section 3.4).
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for an id out of range
   */
  puback(id: number): boolean {
    if (!isPacketId(id)) throw wrongId();
    const at = this.#begin(0x40, 2);
    if (at < 0) return false;
    this.#view.setUint16(at, id);
    this.#end = at + 2;
    return true;
  }

  /**
   * SUBSCRIBE (section 3.8) to one or more filters at the same QoS.
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for no filter, an ill-formed one (section 4.7.1), an id out of range;
   *   `packet-too-large`
   */
  subscribe(id: number, filters: readonly string[], QoS: QoS): boolean {
    return this.#filters(0x82, id, filters, QoS);
  }

  /** UNSUBSCRIBE (section 3.10); returns and throws as `subscribe`. */
  unsubscribe(id: number, filters: readonly string[]): boolean {
    return this.#filters(0xa2, id, filters, -1);
  }

  /** PINGREQ (section 3.12). @returns false when the buffer has no room for it now */
  pingreq(): boolean {
    return this.#empty(0xc0);
  }

  /** DISCONNECT (section 3.14). @returns false when the buffer has no room for it now */
  disconnect(): boolean {
    return this.#empty(0xe0);
  }

  /** The bytes of a topic name, checked: for `publish`, when many messages have the same. @throws as `publish` */
  encodeTopicName(topic: string): Uint8Array {
    this.#checkTopicName(topic);
    return this.#bytes(topic);
  }

  #filters(first: number, id: number, filters: readonly Field[], QoS: QoS | -1): boolean {
    if (filters.length === 0) throw invalidArgument("no topic filter [MQTT-3.8.3-3]");
    if (!isPacketId(id)) throw wrongId();
    let size = 2;
    for (const filter of filters) {
      this.#checkText(filter, "topic filter");
      checkFilter(filter);
      size += filter.length + (QoS < 0 ? 2 : 3);
    }
    let at = this.#begin(first, size);
    if (at < 0) return false;
    this.#view.setUint16(at, id);
    at += 2;
    for (const filter of filters) {
      at = this.#field(at, filter);
      if (QoS >= 0 && at >= 0) this.#buffer[at++] = QoS;
    }
    if (at < 0)
      return this.#filters(
        first,
        id,
        filters.map((filter) => this.#bytes(filter)),
        QoS,
      );
    this.#end = at;
    return true;
  }

  #empty(first: number): boolean {
    const at = this.#begin(first, 0);
    if (at < 0) return false;
    this.#end = at;
    return true;
  }

  /** Writes the fixed header (section 2.2). Returns where the variable header goes, or -1 for no room now. */
  #begin(first: number, remaining: number): number {
    let buffer = this.#buffer;
    let at = this.#end;
    if (at + LONGEST_HEADER + remaining > buffer.length) {
      at = this.#makeRoom(1 + remainingLengthSize(remaining) + remaining);
      if (at < 0) return at;
      buffer = this.#buffer;
    }
    buffer[at] = first;
    at += 1;
    while (remaining > 127) {
      buffer[at] = (remaining & 0x7f) | 0x80;
      at += 1;
      remaining >>= 7;
    }
    buffer[at] = remaining;
    return at + 1;
  }

  /** Where `size` bytes go, or -1 for no room now. */
  #makeRoom(size: number): number {
    if (size > this.#limit) throw tooLarge(size, this.#limit);
    if (this.#end + size > this.#buffer.length) {
      const wanted = this.pending + size;
      if (wanted > this.#limit) return -1;
      if (wanted > this.#buffer.length) this.#grow(wanted);
      else this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#end;
  }

  /** Doubles, so that it grows seldom. What waits moves to the front; what was left behind may hold a password. */
  #grow(wanted: number): void {
    const old = this.#buffer;
    const buffer = new Uint8Array(Math.max(wanted, Math.min(2 * old.length, this.#limit)));
    buffer.set(old.subarray(this.#start, this.#end));
    old.fill(0);
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
  }

  /**
   * A field with its two bytes of length (section 1.5.3). Returns where the next one goes, or -1 when it has
   * more bytes than text has characters, or one before had: the packet is then made anew from bytes.
   */
  #field(at: number, field: Field): number {
    if (at < 0) return at;
    const buffer = this.#buffer;
    const length = field.length;
    this.#view.setUint16(at, length);
    if (typeof field !== "string") buffer.set(field, at + 2);
    else if (this.#text.encodeInto(field, buffer, at + 2) !== length) return -1;
    return at + 2 + length;
  }

  #checkLength(field: Field, name: string): void {
    if (field.length > SURELY_A_FIELD && this.#bytes(field).length > MAXIMUM_FIELD_LENGTH) {
      throw invalidArgument(`${name} is longer than 65535 bytes`);
    }
  }

  #checkText(field: Field, name: string): void {
    this.#checkLength(field, name);
    if (typeof field === "string" ? field.includes("\0") : field.includes(0)) {
      throw invalidArgument(`${name} contains U+0000 [MQTT-1.5.3-2]`);
    }
  }

  #checkTopicName(topic: Field): void {
    this.#checkLength(topic, "topic");
    const fault = topicNameFault(typeof topic === "string" ? topic : this.#text.decode(topic));
    if (fault) throw invalidArgument(fault);
  }

  /** Text that is all ASCII does not come here, unless it is long. */
  #bytes(field: Field): Uint8Array {
    if (typeof field !== "string") return field;
    try {
      encodeURIComponent(field);
    } catch {
      // The encoder would write U+FFFD in its place. `isWellFormed` is not there on all XS.
      throw invalidArgument("a lone surrogate in a text [MQTT-1.5.3-1]");
    }
    return this.#text.encode(field);
  }

  /** The same with all text encoded. */
  #encoded(options: ConnectOptions): ConnectOptions {
    const { id, user, password, will } = options;
    return {
      ...options,
      id: this.#bytes(id),
      user: user && this.#bytes(user),
      password: password && this.#bytes(password),
      will: will && { ...will, topic: this.#bytes(will.topic), message: this.#bytes(will.message) },
    };
  }
}

function viewOf(buffer: Uint8Array): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** A whole number from 1 to 65,535 [MQTT-2.3.1-1]? */
function isPacketId(id: number): boolean {
  return id !== 0 && (id & 0xffff) === id;
}

function wrongId(): BerthError {
  return invalidArgument("packet id is not 1 to 65535 [MQTT-2.3.1-1]");
}

function tooLarge(size: number, limit: number): BerthError {
  return new BerthError("packet-too-large", `${size} bytes to send, ${limit} at most`);
}

/** Section 4.7.1: `#` alone in the last level, `+` alone in any. */
function checkFilter(filter: Field): void {
  if (filter.length === 0) throw invalidArgument("empty topic filter [MQTT-4.7.3-1]");
  // As bytes it has been here before as text.
  if (typeof filter !== "string") return;
  const last = filter.length - 1;
  const hash = filter.indexOf("#");
  let wrong = hash >= 0 && (hash < last || (hash > 0 && filter[hash - 1] !== "/"));
  for (let plus = filter.indexOf("+"); plus >= 0 && !wrong; plus = filter.indexOf("+", plus + 1)) {
    wrong = (plus > 0 && filter[plus - 1] !== "/") || (plus < last && filter[plus + 1] !== "/");
  }
  if (wrong) {
    throw invalidArgument(`ill-formed topic filter ${filter} [MQTT-4.7.1-2, 4.7.1-3]`);
  }
}
