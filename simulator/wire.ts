// SPDX-License-Identifier: MIT
/**
 * MQTT 3.1.1 as a server reads and writes it: fast, and strict, for the clients are the ones under test. Shares no code
 * with `src/`. The sections are those of the specification.
 */

export const Kind = Object.freeze({
  CONNECT: 1,
  PUBLISH: 3,
  PUBACK: 4,
  SUBSCRIBE: 8,
  UNSUBSCRIBE: 10,
  PINGREQ: 12,
  DISCONNECT: 14,
} as const);

export interface ConnectPacket {
  readonly id: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly clean: boolean;
  /** Seconds. */
  readonly keepAlive: number;
}

export interface PublishPacket {
  readonly topic: string;
  readonly payload: Buffer;
  readonly QoS: number;
  readonly duplicate: boolean;
  readonly retain: boolean;
  /** 0 without QoS. */
  readonly id: number;
}

/** Gets the packets of a client. */
export interface PacketSink {
  connect(packet: ConnectPacket): void;
  publish(packet: PublishPacket): void;
  puback(id: number): void;
  subscribe(id: number, filters: readonly string[]): void;
  pingreq(): void;
  disconnect(): void;
}

/** What a client must not send. */
export class WireError extends Error {}

/** Reads the packets of one connection, however its bytes are cut up. */
export class WireReader {
  readonly #sink: PacketSink;
  #rest: Buffer | undefined;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** @throws WireError for what MQTT forbids */
  push(bytes: Buffer): void {
    const all = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    let at = 0;
    for (;;) {
      let length = 0;
      let head = at + 1;
      let shift = 0;
      let byte = 0x80;
      while (byte & 0x80 && head < all.length) {
        if (shift > 21) throw new WireError("a remaining length over four bytes (2.2.3)");
        byte = all[head] as number;
        length |= (byte & 0x7f) << shift;
        shift += 7;
        head += 1;
      }
      if (byte & 0x80 || head + length > all.length) break;
      this.#packet(all, all[at] as number, head, head + length);
      at = head + length;
    }
    this.#rest = at < all.length ? all.subarray(at) : undefined;
  }

  #packet(all: Buffer, first: number, start: number, end: number): void {
    const kind = first >> 4;
    const flags = first & 15;
    const fixed = kind === Kind.SUBSCRIBE || kind === Kind.UNSUBSCRIBE ? 2 : 0;
    if (kind !== Kind.PUBLISH && flags !== fixed)
      throw new WireError(`flags ${flags} of packet ${kind} (2.2.2)`);
    switch (kind) {
      case Kind.PUBLISH:
        this.#publish(all, flags, start, end);
        break;
      case Kind.PUBACK:
        if (end - start !== 2) throw new WireError("PUBACK that has not 2 bytes (3.4)");
        this.#sink.puback(all.readUInt16BE(start));
        break;
      case Kind.PINGREQ:
        this.#sink.pingreq();
        break;
      case Kind.SUBSCRIBE:
        this.#subscribe(all, start, end);
        break;
      case Kind.CONNECT:
        this.#connect(all, start, end);
        break;
      case Kind.DISCONNECT:
        this.#sink.disconnect();
        break;
      default:
        throw new WireError(`packet type ${kind} of a client`);
    }
  }

  #publish(all: Buffer, flags: number, start: number, end: number): void {
    const QoS = (flags >> 1) & 3;
    const topicEnd = start + 2 + all.readUInt16BE(start);
    const payloadAt = topicEnd + (QoS > 0 ? 2 : 0);
    if (payloadAt > end || topicEnd === start + 2)
      throw new WireError("PUBLISH without a whole topic (3.3.2)");
    const id = QoS > 0 ? all.readUInt16BE(topicEnd) : 0;
    if (QoS > 0 && id === 0) throw new WireError("packet identifier 0 (2.3.1)");
    this.#sink.publish({
      topic: all.toString("utf8", start + 2, topicEnd),
      payload: all.subarray(payloadAt, end),
      QoS,
      duplicate: (flags & 8) !== 0,
      retain: (flags & 1) !== 0,
      id,
    });
  }

  #subscribe(all: Buffer, start: number, end: number): void {
    const filters: string[] = [];
    let at = start + 2;
    while (at < end) {
      const after = at + 2 + all.readUInt16BE(at);
      if (after >= end || (all[after] as number) > 1)
        throw new WireError("SUBSCRIBE whose filters are not whole (3.8.3)");
      filters.push(all.toString("utf8", at + 2, after));
      at = after + 1;
    }
    const id = all.readUInt16BE(start);
    if (id === 0 || filters.length === 0)
      throw new WireError("SUBSCRIBE without identifier or filter (3.8.3)");
    this.#sink.subscribe(id, filters);
  }

  #connect(all: Buffer, start: number, end: number): void {
    if (all.toString("latin1", start, start + 7) !== "\0\x04MQTT\x04")
      throw new WireError("CONNECT that is not of 3.1.1 (3.1.2)");
    const flags = all[start + 7] as number;
    let at = start + 10;
    const field = (): string => {
      const from = at + 2;
      at = from + all.readUInt16BE(at);
      if (at > end) throw new WireError("CONNECT that is not whole (3.1.3)");
      return all.toString("utf8", from, at);
    };
    const id = field();
    if (flags & 0x3d) throw new WireError("CONNECT with a will or a reserved flag (3.1.2)");
    const user = flags & 0x80 ? field() : undefined;
    const password = flags & 0x40 ? field() : undefined;
    if (at !== end) throw new WireError("CONNECT with bytes behind it (3.1.3)");
    this.#sink.connect({
      id,
      user,
      password,
      clean: (flags & 2) !== 0,
      keepAlive: all.readUInt16BE(start + 8),
    });
  }
}

export function connack(returnCode: number, sessionPresent: boolean): Buffer {
  return Buffer.of(0x20, 2, sessionPresent ? 1 : 0, returnCode);
}

export function puback(id: number): Buffer {
  return Buffer.of(0x40, 2, id >> 8, id & 255);
}

export function suback(id: number, returnCodes: readonly number[]): Buffer {
  return Buffer.of(0x90, 2 + returnCodes.length, id >> 8, id & 255, ...returnCodes);
}

export const PINGRESP: Buffer = Buffer.of(0xd0, 0);

/** @param id with QoS 1, else 0 */
export function publish(topic: string, payload: string | Buffer, id = 0, duplicate = false): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const payloadBytes = Buffer.byteLength(payload);
  const length = 2 + topicBytes + (id > 0 ? 2 : 0) + payloadBytes;
  const header = length < 128 ? 2 : length < 16_384 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(header + length);
  bytes[0] = 0x30 | (id > 0 ? 2 : 0) | (duplicate ? 8 : 0);
  for (let i = 1, left = length; i < header; i += 1, left >>= 7) {
    bytes[i] = (left & 0x7f) | (i + 1 < header ? 0x80 : 0);
  }
  let at = header;
  bytes.writeUInt16BE(topicBytes, at);
  at += 2 + bytes.write(topic, at + 2);
  if (id > 0) at = bytes.writeUInt16BE(id, at);
  if (typeof payload === "string") bytes.write(payload, at);
  else payload.copy(bytes, at);
  return bytes;
}
