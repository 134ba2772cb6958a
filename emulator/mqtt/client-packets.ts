// SPDX-License-Identifier: MIT
/**
 * Reads the packets of a client as strictly as MQTT 3.1.1 asks a server to: what breaks a rule raises a `ProtocolError`
 * that names it, and ends the connection (section 4.8).
 */
import { PacketType } from "./packet-framer";

/** A packet that MQTT 3.1.1 forbids, or that Azure answers by closing the connection. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProtocolError";
  }
}

/** A CONNECT. Of another protocol level than 4 only that is known, and the identifier where the level has it in the same place. */
export interface ConnectPacket {
  protocolVersion: number;
  clientId: string;
  clean: boolean;
  /** Seconds; 0 for none. */
  keepalive: number;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: Buffer; qos: number; retain: boolean };
}

/** What a client sends behind CONNECT. */
export type ClientPacket =
  | {
      type: "publish";
      topic: string;
      payload: Buffer;
      qos: 0 | 1;
      dup: boolean;
      retain: boolean;
      /** 0 for QoS 0. */
      messageId: number;
    }
  | { type: "puback"; messageId: number }
  | { type: "subscribe"; messageId: number; filters: { topic: string; qos: 0 | 1 }[] }
  | { type: "unsubscribe"; messageId: number; filters: string[] }
  | { type: "pingreq" }
  | { type: "disconnect" };

/** The bits of a fixed header that are no type; PUBLISH has its own (MQTT 3.1.1 table 2.2). */
const FLAGS: Readonly<Record<number, number>> = {
  [PacketType.PUBREL]: 2,
  [PacketType.SUBSCRIBE]: 2,
  [PacketType.UNSUBSCRIBE]: 2,
};

const RESERVED_FLAGS = "reserved flags of a fixed header are set [MQTT-2.2.2-2]";

/** The packet that a connection begins with. @param packet whole @throws ProtocolError when it is no sound CONNECT */
export function readConnect(packet: Buffer): ConnectPacket {
  const first = packet[0]!;
  if (first >> 4 !== PacketType.CONNECT) throw new ProtocolError("the first packet is no CONNECT");
  if ((first & 0x0f) !== 0) throw new ProtocolError(RESERVED_FLAGS);
  const fields = Fields.of(packet);
  const protocol = fields.text("protocol name");
  if (protocol !== "MQTT" && protocol !== "MQIsdp")
    throw new ProtocolError("CONNECT of another protocol than MQTT [MQTT-3.1.2-1]");
  const protocolVersion = fields.byte("protocol level");
  // Another level is refused by a CONNACK, and may go on in another way; MQTT 3.1 and bridges (0x80) go on as this one.
  if (protocolVersion !== 4) {
    const isAlike = [3, 0x83, 0x84].includes(protocolVersion);
    if (isAlike) fields.skip(3, "connect flags and keep alive");
    const clientId = isAlike ? fields.text("client identifier") : "";
    return { protocolVersion, clientId, clean: true, keepalive: 0 };
  }
  if (protocol !== "MQTT") throw new ProtocolError("the protocol name is not that of level 4 [MQTT-3.1.2-1]");
  const flags = fields.byte("connect flags");
  const has = (mask: number) => (flags & mask) !== 0;
  if (has(0x01)) throw new ProtocolError("the reserved flag of CONNECT is set [MQTT-3.1.2-3]");
  if (!has(0x04) && has(0x38))
    throw new ProtocolError("QoS or retain of a will that is not there [MQTT-3.1.2-11]");
  if ((flags & 0x18) === 0x18) throw new ProtocolError("a will of QoS 3 [MQTT-3.1.2-14]");
  if (has(0x40) && !has(0x80)) throw new ProtocolError("a password without a user name [MQTT-3.1.2-22]");
  const connect: ConnectPacket = {
    protocolVersion,
    clean: has(0x02),
    keepalive: fields.number("keep alive"),
    clientId: fields.text("client identifier"),
  };
  if (has(0x04)) {
    connect.will = {
      topic: topicName(fields.text("will topic")),
      payload: fields.binary("will message"),
      qos: (flags >> 3) & 3,
      retain: has(0x20),
    };
  }
  if (has(0x80)) connect.username = fields.text("user name");
  if (has(0x40)) connect.password = fields.binary("password");
  fields.end();
  return connect;
}

/** A packet behind CONNECT. @param packet whole @throws ProtocolError when it breaks a rule, or no client may send it */
export function readPacket(packet: Buffer): ClientPacket {
  const type = packet[0]! >> 4;
  const flags = packet[0]! & 0x0f;
  if (type !== PacketType.PUBLISH && flags !== (FLAGS[type] ?? 0)) throw new ProtocolError(RESERVED_FLAGS);
  const fields = Fields.of(packet);
  switch (type) {
    case PacketType.CONNECT:
      throw new ProtocolError("a second CONNECT [MQTT-3.1.0-2]");
    case PacketType.PUBLISH:
      return readPublish(flags, fields);
    case PacketType.PUBACK: {
      const messageId = fields.messageId();
      fields.end();
      return { type: "puback", messageId };
    }
    case PacketType.PUBREC:
    case PacketType.PUBREL:
    case PacketType.PUBCOMP:
      throw new ProtocolError("a QoS 2 packet");
    case PacketType.SUBSCRIBE:
      return readSubscribe(fields);
    case PacketType.UNSUBSCRIBE: {
      const messageId = fields.messageId();
      const filters: string[] = [];
      while (fields.left > 0) filters.push(topicFilter(fields.text("topic filter")));
      if (filters.length === 0) throw new ProtocolError("UNSUBSCRIBE without a filter [MQTT-3.10.3-2]");
      return { type: "unsubscribe", messageId, filters };
    }
    case PacketType.PINGREQ:
      fields.end();
      return { type: "pingreq" };
    case PacketType.DISCONNECT:
      fields.end();
      return { type: "disconnect" };
    default:
      throw new ProtocolError("a packet that no client may send (MQTT 3.1.1 table 2.1)");
  }
}

function readPublish(flags: number, fields: Fields): ClientPacket {
  const qos = (flags >> 1) & 3;
  const dup = (flags & 8) !== 0;
  if (qos === 3) throw new ProtocolError("a PUBLISH of QoS 3 [MQTT-3.3.1-4]");
  if (qos === 2) throw new ProtocolError("a PUBLISH of QoS 2, which Azure answers by closing the connection");
  if (qos === 0 && dup) throw new ProtocolError("a PUBLISH of QoS 0 with DUP [MQTT-3.3.1-2]");
  const topic = topicName(fields.text("topic"));
  const messageId = qos === 0 ? 0 : fields.messageId();
  return {
    type: "publish",
    topic,
    messageId,
    qos: qos === 0 ? 0 : 1,
    dup,
    retain: (flags & 1) !== 0,
    payload: fields.rest(),
  };
}

function readSubscribe(fields: Fields): ClientPacket {
  const messageId = fields.messageId();
  const filters: { topic: string; qos: 0 | 1 }[] = [];
  while (fields.left > 0) {
    const topic = topicFilter(fields.text("topic filter"));
    const qos = fields.byte("requested QoS");
    if (qos > 2) throw new ProtocolError("SUBSCRIBE with a QoS above 2 or reserved bits [MQTT-3-8.3-4]");
    // Azure grants at most 1.
    filters.push({ topic, qos: qos === 0 ? 0 : 1 });
  }
  if (filters.length === 0) throw new ProtocolError("SUBSCRIBE without a filter [MQTT-3.8.3-3]");
  return { type: "subscribe", messageId, filters };
}

function topicName(topic: string): string {
  if (topic === "") throw new ProtocolError("an empty topic [MQTT-4.7.3-1]");
  if (/[+#]/.test(topic)) throw new ProtocolError("a wildcard in a topic name [MQTT-3.3.2-2]");
  return topic;
}

function topicFilter(filter: string): string {
  if (filter === "") throw new ProtocolError("an empty topic filter [MQTT-4.7.3-1]");
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || index < levels.length - 1))
      throw new ProtocolError("# stands alone and last in a topic filter [MQTT-4.7.1-2]");
    if (level.includes("+") && level !== "+")
      throw new ProtocolError("+ stands alone between slashes in a topic filter [MQTT-4.7.1-3]");
  }
  return filter;
}

/** The body of one packet, field by field. */
class Fields {
  readonly #bytes: Buffer;
  #at: number;

  private constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  static of(packet: Buffer): Fields {
    let at = 1;
    while (packet[at]! >= 0x80) at++;
    return new Fields(packet, at + 1);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(what: string): number {
    return this.#take(1, what)[0]!;
  }

  skip(length: number, what: string): void {
    this.#take(length, what);
  }

  number(what: string): number {
    return this.#take(2, what).readUInt16BE(0);
  }

  /** A packet identifier. */
  messageId(): number {
    const id = this.number("packet identifier");
    if (id === 0) throw new ProtocolError("packet identifier 0 [MQTT-2.3.1-1]");
    return id;
  }

  binary(what: string): Buffer {
    return Buffer.from(this.#take(this.number(what), what));
  }

  text(what: string): string {
    const bytes = this.#take(this.number(what), what);
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new ProtocolError(`the ${what} is not UTF-8 [MQTT-1.5.3-1]`);
    }
    if (text.includes("\0")) throw new ProtocolError(`the ${what} holds U+0000 [MQTT-1.5.3-2]`);
    return text;
  }

  /** What is left; a copy, so that a small payload does not keep a large chunk. */
  rest(): Buffer {
    return Buffer.from(this.#take(this.left, "payload"));
  }

  end(): void {
    if (this.left > 0) throw new ProtocolError(`${this.left} bytes behind the last field of a packet`);
  }

  #take(length: number, what: string): Buffer {
    if (length > this.left) throw new ProtocolError(`a packet that ends within its ${what}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
