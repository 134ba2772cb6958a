// SPDX-License-Identifier: MIT
/**
 * Writes the packets that an MQTT 3.1.1 client sends.
 *
 * All packets go, one behind the other, into one buffer that the caller owns. Each method computes the exact
 * size first and writes a packet whole or not at all: it returns false where there is no room for it now, and
 * throws where there never will be. Text is encoded in bulk by the host; a field that stays the same from
 * packet to packet can be handed over as bytes that were encoded once.
 */
import { BerthError } from "../error";
import type { TextCodec } from "../host";
import { MAXIMUM_FIELD_LENGTH, MAXIMUM_REMAINING_LENGTH, type QoS, remainingLengthSize } from "./packets";

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

const NUL = 0x00;
const HASH = 0x23;
const PLUS = 0x2b;

/** "MQTT", level 4: the first seven bytes of the variable header of CONNECT (sections 3.1.2.1 and 3.1.2.2). */
const PROTOCOL_NAME_HIGH = 0x00;
const PROTOCOL_NAME_LOW = 0x04;
const PROTOCOL_LEVEL = 4;

export class PacketWriter {
  readonly #buffer: Uint8Array;
  readonly #text: TextCodec;
  /** Where the next byte goes. */
  #end = 0;
  /** What has been consumed already. */
  #start = 0;

  /** @param buffer holds the packets until they are consumed; its length bounds the size of a packet. */
  constructor(buffer: Uint8Array, text: TextCodec) {
    this.#buffer = buffer;
    this.#text = text;
  }

  /** How many bytes wait to be consumed. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** The next bytes to send, `count` at most: a view, good until the next call of a method. */
  peek(count: number): Uint8Array {
    const end = count < this.#end - this.#start ? this.#start + count : this.#end;
    return this.#buffer.subarray(this.#start, end);
  }

  /** Marks the next `count` bytes as sent. */
  consume(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.#start = this.#end = 0;
  }

  /** Wipes all but what waits to be consumed: what has been sent may hold a password. */
  wipe(): void {
    this.#buffer.fill(0, 0, this.#start);
    this.#buffer.fill(0, this.#end);
  }

  /**
   * CONNECT (section 3.1).
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for a field over 65,535 bytes, NUL in a text, a password without a
   *   user, an empty id without a clean session, a keep alive out of range; `packet-too-large`
   */
  connect(options: ConnectOptions): boolean {
    const { user, password, will, keepAlive } = options;
    if (password !== undefined && user === undefined) {
      throw new BerthError("invalid-argument", "password without user [MQTT-3.1.2-22]");
    }
    if (!(keepAlive >= 0 && keepAlive <= 65_535) || keepAlive % 1 !== 0) {
      throw new BerthError("invalid-argument", "keepAlive is not 0 to 65535 whole seconds");
    }
    const id = this.#string(options.id, "id");
    if (id.length === 0 && !options.clean) {
      throw new BerthError("invalid-argument", "an empty id needs a clean session [MQTT-3.1.3-7]");
    }
    let flags = options.clean ? 0x02 : 0;
    let size = 10 + 2 + id.length;
    let willTopic: Uint8Array | undefined;
    let willMessage: Uint8Array | undefined;
    if (will) {
      willTopic = this.#topicName(will.topic);
      willMessage = this.#binary(will.message, "will.message");
      flags |= 0x04 | ((will.QoS ?? 0) << 3) | (will.retain ? 0x20 : 0);
      size += 4 + willTopic.length + willMessage.length;
    }
    let userBytes: Uint8Array | undefined;
    if (user !== undefined) {
      userBytes = this.#string(user, "user");
      flags |= 0x80;
      size += 2 + userBytes.length;
    }
    let passwordBytes: Uint8Array | undefined;
    if (password !== undefined) {
      passwordBytes = this.#binary(password, "password");
      flags |= 0x40;
      size += 2 + passwordBytes.length;
    }
    let at = this.#begin(0x10, size);
    if (at < 0) return false;
    const buffer = this.#buffer;
    buffer[at++] = PROTOCOL_NAME_HIGH;
    buffer[at++] = PROTOCOL_NAME_LOW;
    buffer[at++] = 0x4d; // M
    buffer[at++] = 0x51; // Q
    buffer[at++] = 0x54; // T
    buffer[at++] = 0x54; // T
    buffer[at++] = PROTOCOL_LEVEL;
    buffer[at++] = flags;
    buffer[at++] = keepAlive >> 8;
    buffer[at++] = keepAlive;
    at = this.#field(at, id);
    if (willTopic && willMessage) {
      at = this.#field(at, willTopic);
      at = this.#field(at, willMessage);
    }
    if (userBytes) at = this.#field(at, userBytes);
    if (passwordBytes) at = this.#field(at, passwordBytes);
    this.#end = at;
    return true;
  }

  /**
   * PUBLISH (section 3.3).
   * @param topic the topic name; as bytes it is taken as checked (see `encodeTopicName`)
   * @param payload the message, copied
   * @param id packet identifier, 1 to 65,535, for QoS 1; not looked at for QoS 0
   * @returns false when the buffer has no room for it now
   * @throws BerthError `invalid-argument` for an empty topic, one with a wildcard or NUL, an id out of range;
   *   `packet-too-large`
   */
  publish(
    topic: Field,
    payload: Uint8Array,
    QoS: QoS = 0,
    id = 0,
    duplicate = false,
    retain = false,
  ): boolean {
    const name = typeof topic === "string" ? this.#topicName(topic) : topic;
    let size = 2 + name.length + payload.length;
    let first = 0x30;
    if (QoS) {
      if (!(id >= 1 && id <= 65_535)) throw new BerthError("invalid-argument", "packet id is not 1 to 65535");
      first = duplicate ? 0x3a : 0x32;
      size += 2;
    }
    let at = this.#begin(retain ? first | 0x01 : first, size);
    if (at < 0) return false;
    const buffer = this.#buffer;
    const length = name.length;
    buffer[at] = length >> 8;
    buffer[at + 1] = length;
    buffer.set(name, at + 2);
    at += 2 + length;
    if (QoS) {
      buffer[at] = id >> 8;
      buffer[at + 1] = id;
      at += 2;
    }
    buffer.set(payload, at);
    this.#end = at + payload.length;
    return true;
  }

  /** PUBACK (section 3.4). @returns false when the buffer has no room for it now */
  puback(id: number): boolean {
    const at = this.#begin(0x40, 2);
    if (at < 0) return false;
    this.#buffer[at] = id >> 8;
    this.#buffer[at + 1] = id;
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
    return this.#topicName(topic);
  }

  #filters(first: number, id: number, filters: readonly string[], QoS: QoS | -1): boolean {
    if (filters.length === 0) throw new BerthError("invalid-argument", "no topic filter [MQTT-3.8.3-3]");
    if (!(id >= 1 && id <= 65_535)) throw new BerthError("invalid-argument", "packet id is not 1 to 65535");
    const encoded: Uint8Array[] = [];
    let size = 2;
    for (const filter of filters) {
      checkFilter(filter);
      const bytes = this.#string(filter, "topic filter");
      encoded.push(bytes);
      size += bytes.length + (QoS < 0 ? 2 : 3);
    }
    let at = this.#begin(first, size);
    if (at < 0) return false;
    const buffer = this.#buffer;
    buffer[at++] = id >> 8;
    buffer[at++] = id;
    for (const bytes of encoded) {
      at = this.#field(at, bytes);
      if (QoS >= 0) buffer[at++] = QoS;
    }
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
    const size = 1 + remainingLengthSize(remaining) + remaining;
    const buffer = this.#buffer;
    if (size > buffer.length || remaining > MAXIMUM_REMAINING_LENGTH) {
      throw new BerthError("packet-too-large", `${size} bytes to send, ${buffer.length} configured`);
    }
    let at = this.#end;
    if (at + size > buffer.length) {
      if (this.#end - this.#start + size > buffer.length) return -1;
      buffer.copyWithin(0, this.#start, this.#end);
      at = this.#end -= this.#start;
      this.#start = 0;
    }
    buffer[at++] = first;
    let rest = remaining;
    while (rest > 127) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    buffer[at++] = rest;
    return at;
  }

  /** A field with its two bytes of length (section 1.5.3). Returns where the next one goes. */
  #field(at: number, bytes: Uint8Array): number {
    const length = bytes.length;
    this.#buffer[at] = length >> 8;
    this.#buffer[at + 1] = length;
    this.#buffer.set(bytes, at + 2);
    return at + 2 + length;
  }

  #binary(field: Field, name: string): Uint8Array {
    const bytes = typeof field === "string" ? this.#text.encode(field) : field;
    if (bytes.length > MAXIMUM_FIELD_LENGTH) {
      throw new BerthError("invalid-argument", `${name} is longer than 65535 bytes`);
    }
    return bytes;
  }

  #string(field: Field, name: string): Uint8Array {
    const bytes = this.#binary(field, name);
    if (bytes.indexOf(NUL) >= 0) {
      throw new BerthError("invalid-argument", `${name} contains U+0000 [MQTT-1.5.3-2]`);
    }
    return bytes;
  }

  #topicName(topic: Field): Uint8Array {
    const bytes = this.#string(topic, "topic");
    if (bytes.length === 0) throw new BerthError("invalid-argument", "empty topic [MQTT-4.7.3-1]");
    if (bytes.indexOf(HASH) >= 0 || bytes.indexOf(PLUS) >= 0) {
      throw new BerthError("invalid-argument", "wildcard in a topic name [MQTT-3.3.2-2]");
    }
    return bytes;
  }
}

/** Section 4.7.1: `#` alone in the last level, `+` alone in any. */
function checkFilter(filter: string): void {
  if (filter === "") throw new BerthError("invalid-argument", "empty topic filter [MQTT-4.7.3-1]");
  const levels = filter.split("/");
  const last = levels.length - 1;
  for (let i = 0; i <= last; i += 1) {
    const level = levels[i] as string;
    const hash = level.includes("#") && (level !== "#" || i !== last);
    if (hash || (level.includes("+") && level !== "+")) {
      throw new BerthError("invalid-argument", `ill-formed topic filter ${filter} [MQTT-4.7.1-2, 4.7.1-3]`);
    }
  }
}
