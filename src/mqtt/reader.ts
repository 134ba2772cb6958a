// SPDX-License-Identifier: MIT
/**
 * Reads the packets that an MQTT 3.1.1 client receives, from chunks of any size.
 *
 * Memory is bounded by `maximumPacketSize` whatever the peer sends. A packet that lies whole in a chunk is read
 * where it is; one that does not is collected in one buffer. A PUBLISH over the maximum is never an error: a server
 * would send it again on every connection. It is read past, and told when its last byte has come, or handed over in
 * fragments. Every normative statement that a client can check is checked; what breaks one ends in an error, after
 * which the reader must not be used again.
 */
import { asBerthError, BerthError, invalidArgument, shown } from "../error";
import type { TextCodec } from "../host";
import { CONNACK, PINGRESP, PUBACK, PUBLISH, packetName, SUBACK, topicNameFault, UNSUBACK } from "./packets";

/** A PUBLISH, or a fragment of one that is larger than the reader's buffer. */
export interface InboundPublish {
  readonly topic: string;
  readonly QoS: 0 | 1;
  readonly duplicate: boolean;
  readonly retain: boolean;
  /** Packet identifier, 0 for QoS 0. */
  readonly id: number;
  /** Length of the whole payload in bytes. */
  readonly byteLength: number;
  /** Where in the whole payload `payload` starts: 0 unless this is a later fragment. */
  readonly offset: number;
  /** A view, good only during the call. */
  readonly payload: Uint8Array;
}

/** A PUBLISH that was read past: it, or with "stream" the part of it before its payload, is over the maximum. */
export interface OversizePublish {
  /** The start of the topic where it is itself over the maximum. */
  readonly topic: string;
  readonly topicIsWhole: boolean;
  readonly QoS: 0 | 1;
  /** Packet identifier, 0 for QoS 0. */
  readonly id: number;
  /** Length of the whole packet after its fixed header, bytes, and the maximum. */
  readonly size: number;
  readonly maximum: number;
}

/** What the reader calls, a method a packet. */
export interface PacketHandler {
  /** @param returnCode 0 to 5 (table 3.1) */
  onConnack(sessionPresent: boolean, returnCode: number): void;
  onPublish(publish: InboundPublish): void;
  /** Instead of `onPublish`, when the last byte has been read past. */
  onOversize(publish: OversizePublish): void;
  onPuback(id: number): void;
  /** @param returnCodes a view, good only during the call: 0, 1, 2 or 0x80 for each filter */
  onSuback(id: number, returnCodes: Uint8Array): void;
  onUnsuback(id: number): void;
  onPingresp(): void;
}

/**
 * The default of `maximumPacketSize`, bytes. A board that is connected has some 90 KB left beside TLS and Wi-Fi: a
 * message of this size, its text and what the application makes of it stay a third of that. The answers of DPS that
 * are known have 1,300 bytes at most without the payload of a custom allocation.
 */
export const DEFAULT_MAXIMUM = 8_192;

/**
 * A PUBLISH over the maximum: read it past ("skip", the default) or hand it over in fragments ("stream"), or whether by
 * its topic; what the function throws ends the reader.
 */
export type Oversize = "skip" | "stream" | ((topic: string) => boolean);

export interface ReaderOptions {
  /** Largest remaining length in bytes that is collected. Default 8,192; at least 128. */
  readonly maximumPacketSize?: number;
  readonly oversize?: Oversize;
}

// States: what the next byte belongs to.
const TYPE = 0;
const LENGTH = 1;
const BODY = 2;
/** Collecting the topic of a PUBLISH over the maximum, and its id where it is streamed. */
const OVERSIZE_HEAD = 3;
const STREAM = 4;
const SKIP = 5;
const ENDED = 6;

const NOTHING = Object.freeze([]) as readonly never[];

export class PacketReader {
  readonly #handler: PacketHandler;
  readonly #text: TextCodec;
  readonly #maximum: number;
  readonly #streams: boolean | ((topic: string) => boolean);
  #state: number = TYPE;
  /** First byte of the packet: type and flags. */
  #first = 0;
  /** Remaining length, complete once the state has left LENGTH. */
  #remaining = 0;
  #shift = 0;
  /** Bytes collected of a packet that spans chunks; grows up to the maximum and is kept for the next. */
  #body: Uint8Array | readonly never[] = NOTHING;
  #filled = 0;
  /** How many bytes of `#body` complete the present step. */
  #wanted = 0;
  #streamed: InboundPublish | undefined;
  /** Of the PUBLISH that is read past: the report, without its id, and how many bytes are to come. */
  #skipped: OversizePublish | undefined;
  #left = 0;
  /** Where its packet identifier stands, and what has been read of it. */
  #idAt = 0;
  #id = 0;

  /** @throws BerthError `invalid-argument` for a maximum below 128 or over 268,435,455 */
  constructor(handler: PacketHandler, text: TextCodec, options?: ReaderOptions) {
    const maximum = options?.maximumPacketSize ?? DEFAULT_MAXIMUM;
    if (!(maximum >= 128 && maximum <= 268_435_455)) {
      throw invalidArgument("maximumPacketSize is not 128 to 268435455");
    }
    this.#handler = handler;
    this.#text = text;
    this.#maximum = maximum;
    const { oversize = "skip" } = options ?? {};
    this.#streams = typeof oversize === "function" ? oversize : oversize === "stream";
  }

  /**
   * Takes the next bytes and calls the handler for each packet that they complete.
   * @param chunk is free for reuse on return
   * @param end where the bytes end; default the length of `chunk`
   * @throws BerthError `malformed-packet` or `protocol-violation`, and what the handler throws; the reader is then of
   *   no further use
   */
  push(chunk: Uint8Array, end = chunk.length): void {
    if (this.#state === ENDED) throw new BerthError("closed", "reader after an error or end");
    try {
      this.#run(chunk, end);
    } catch (error) {
      this.#state = ENDED;
      throw asBerthError(error);
    }
  }

  /** No handler is called any more, not for what is left of the chunk in hand either. */
  end(): void {
    this.#state = ENDED;
  }

  #run(chunk: Uint8Array, end: number): void {
    let at = 0;
    while (at < end) {
      switch (this.#state) {
        case TYPE:
          this.#first = chunk[at] as number;
          at += 1;
          checkFirst(this.#first);
          this.#remaining = this.#shift = 0;
          this.#state = LENGTH;
          break;
        case LENGTH: {
          const byte = chunk[at] as number;
          at += 1;
          this.#remaining += (byte & 0x7f) << this.#shift;
          if (byte & 0x80) {
            this.#shift += 7;
            if (this.#shift > 21) throw malformed("remaining length over four bytes");
            break;
          }
          checkLength(this.#first, this.#remaining);
          if (this.#remaining > this.#maximum) this.#oversize();
          else if (this.#remaining <= end - at) {
            const next = at + this.#remaining;
            // In place. The state is set first: the handler may call `end`.
            this.#state = TYPE;
            this.#packet(chunk, at, next);
            at = next;
          } else this.#collect(this.#remaining, BODY);
          break;
        }
        case BODY:
          at = this.#fill(chunk, at, end);
          if (this.#filled === this.#wanted) {
            this.#state = TYPE;
            this.#packet(this.#body as Uint8Array, 0, this.#wanted);
          }
          break;
        case OVERSIZE_HEAD:
          at = this.#fill(chunk, at, end);
          if (this.#filled === this.#wanted) this.#oversizeHead();
          break;
        case STREAM:
          at = this.#stream(chunk, at, end);
          break;
        case SKIP:
          at = this.#skip(chunk, at, end);
          break;
        default:
          return;
      }
    }
  }

  /** A packet over the maximum has been announced: a PUBLISH, or a SUBACK; the others are short. */
  #oversize(): void {
    if (this.#first >> 4 !== PUBLISH) {
      // The session asks for nothing that would have so long an answer.
      throw new BerthError(
        "protocol-violation",
        `${packetName(this.#first >> 4)} of ${this.#remaining} bytes answers no request`,
      );
    }
    this.#collect(2, OVERSIZE_HEAD);
  }

  #collect(wanted: number, state: number): void {
    if (this.#body.length < wanted) this.#body = new Uint8Array(wanted);
    this.#filled = 0;
    this.#wanted = wanted;
    this.#state = state;
  }

  /** Moves bytes from the chunk to the body; returns where the chunk goes on. */
  #fill(chunk: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.#wanted - this.#filled, end - at);
    (this.#body as Uint8Array).set(chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return at + count;
  }

  #oversizeHead(): void {
    const body = this.#body as Uint8Array;
    const QoS = publishQoS(this.#first);
    const topicEnd = 2 + (((body[0] as number) << 8) | (body[1] as number));
    const head = topicEnd + (QoS ? 2 : 0);
    if (head > this.#remaining) throw malformed("PUBLISH shorter than its topic");
    const streams = this.#streams !== false && head <= this.#maximum;
    const wanted = streams ? head : Math.min(topicEnd, this.#maximum);
    if (this.#filled < wanted) {
      if (body.length < wanted) {
        const grown = new Uint8Array(wanted);
        grown.set(body.subarray(0, 2));
        this.#body = grown;
      }
      this.#wanted = wanted;
      return;
    }
    // Something is to come: the packet is over the maximum, this is not.
    this.#idAt = topicEnd;
    this.#id = 0;
    let topic: string;
    if (streams) {
      const publish = this.#readPublish(body, 0, head, this.#remaining - head);
      if (typeof this.#streams !== "function" || this.#streams(publish.topic)) {
        this.#streamed = publish;
        this.#state = STREAM;
        return;
      }
      topic = publish.topic;
      this.#id = publish.id;
    } else
      topic = this.#topic(body.subarray(2, wanted < topicEnd ? wholeCharacters(body, wanted - 1) : topicEnd));
    const topicIsWhole = wanted >= topicEnd;
    this.#skipped = { topic, topicIsWhole, QoS, id: 0, size: this.#remaining, maximum: this.#maximum };
    this.#left = this.#remaining - wanted;
    this.#state = SKIP;
  }

  #skip(chunk: Uint8Array, at: number, end: number): number {
    const skipped = this.#skipped as OversizePublish;
    const count = Math.min(this.#left, end - at);
    if (skipped.QoS) {
      // Where the identifier is in the chunk, if it is.
      const idAt = at + this.#idAt - (this.#remaining - this.#left);
      for (let i = idAt; i < idAt + 2; i += 1) {
        if (i >= at && i < at + count) this.#id = (this.#id << 8) | (chunk[i] as number);
      }
    }
    this.#left -= count;
    if (this.#left === 0) {
      this.#skipped = undefined;
      this.#state = TYPE;
      if (skipped.QoS && this.#id === 0) throw malformed(NO_IDENTIFIER);
      this.#handler.onOversize({ ...skipped, id: this.#id });
    }
    return at + count;
  }

  #stream(chunk: Uint8Array, at: number, end: number): number {
    const publish = this.#streamed as InboundPublish;
    const offset = publish.offset + publish.payload.length;
    const count = Math.min(publish.byteLength - offset, end - at);
    const fragment = { ...publish, offset, payload: chunk.subarray(at, at + count) };
    this.#streamed = fragment;
    if (offset + count === publish.byteLength) {
      this.#streamed = undefined;
      this.#state = TYPE;
    }
    this.#handler.onPublish(fragment);
    return at + count;
  }

  #packet(bytes: Uint8Array, at: number, end: number): void {
    const handler = this.#handler;
    switch (this.#first >> 4) {
      case PUBLISH:
        handler.onPublish(this.#readPublish(bytes, at, end, -1));
        break;
      case PUBACK:
        handler.onPuback(packetId(bytes, at));
        break;
      case CONNACK: {
        const acknowledge = bytes[at] as number;
        const returnCode = bytes[at + 1] as number;
        if (acknowledge > 1) throw malformed("reserved bits of CONNACK");
        if (returnCode > 5) throw malformed(`CONNACK return code ${returnCode}`);
        // [MQTT-3.2.2-4]
        if (acknowledge && returnCode) throw new BerthError("protocol-violation", "refused, session present");
        handler.onConnack(acknowledge === 1, returnCode);
        break;
      }
      case SUBACK: {
        const id = packetId(bytes, at);
        const returnCodes = bytes.subarray(at + 2, end);
        for (let i = 0; i < returnCodes.length; i += 1) {
          const code = returnCodes[i] as number;
          // [MQTT-3.9.3-2]
          if (code > 2 && code !== 0x80) throw malformed(`SUBACK code ${code}`);
        }
        handler.onSuback(id, returnCodes);
        break;
      }
      case UNSUBACK:
        handler.onUnsuback(packetId(bytes, at));
        break;
      default:
        handler.onPingresp();
        break;
    }
  }

  /** @param payloadLength of a streamed message, whose payload does not follow here; otherwise -1 */
  #readPublish(bytes: Uint8Array, at: number, end: number, payloadLength: number): InboundPublish {
    const first = this.#first;
    const QoS = first & 0x02 ? 1 : 0;
    const topicEnd = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
    const payloadAt = QoS ? topicEnd + 2 : topicEnd;
    if (payloadAt > end) throw malformed("PUBLISH shorter than its topic");
    const topic = this.#topic(bytes.subarray(at + 2, topicEnd));
    return {
      topic,
      QoS,
      duplicate: (first & 0x08) !== 0,
      retain: (first & 0x01) !== 0,
      id: QoS ? packetId(bytes, topicEnd) : 0,
      byteLength: payloadLength < 0 ? end - payloadAt : payloadLength,
      offset: 0,
      payload: bytes.subarray(payloadAt, end),
    };
  }

  #topic(bytes: Uint8Array): string {
    let topic: string;
    try {
      topic = this.#text.decode(bytes);
    } catch {
      throw malformed("a topic that is not UTF-8 [MQTT-1.5.3-1]");
    }
    const fault = topicNameFault(topic);
    if (fault) throw malformed(fault);
    return topic;
  }
}

function malformed(about: string): BerthError {
  return new BerthError("malformed-packet", about);
}

const NO_IDENTIFIER = "packet identifier 0 [MQTT-2.3.1-1]";

/** A packet identifier, which is never 0. */
function packetId(bytes: Uint8Array, at: number): number {
  const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (id === 0) throw malformed(NO_IDENTIFIER);
  return id;
}

/** The last place up to `at` where a character of UTF-8 starts: it has three further bytes at most. */
function wholeCharacters(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start > at - 3 && ((bytes[start] as number) & 0xc0) === 0x80) start -= 1;
  return start;
}

/** `packet-too-large` for a message that was read past. */
export function oversizeError({ topic, topicIsWhole, size, maximum }: OversizePublish): BerthError {
  const name = topicIsWhole ? shown(topic) : `${shown(topic)}...`;
  const about = `${size} bytes received on ${name}, maximumPacketSize is ${maximum}: read past`;
  return new BerthError("packet-too-large", about);
}

function publishQoS(first: number): 0 | 1 {
  return first & 0x02 ? 1 : 0;
}

/** Type and flags of a packet that a server may send (tables 2.1 and 2.2) [MQTT-2.2.2-2]. */
function checkFirst(first: number): void {
  const flags = first & 0x0f;
  switch (first >> 4) {
    case PUBLISH: {
      const QoS = (flags >> 1) & 3;
      if (QoS === 3) throw malformed("PUBLISH with QoS 3 [MQTT-3.3.1-4]");
      // This client subscribes at QoS 1 at most, so the server may not send more [MQTT-3.8.4-6].
      if (QoS === 2) throw new BerthError("protocol-violation", "PUBLISH with QoS 2, never subscribed");
      if (QoS === 0 && flags & 0x08) throw malformed("DUP with QoS 0 [MQTT-3.3.1-2]");
      return;
    }
    case CONNACK:
    case PUBACK:
    case SUBACK:
    case UNSUBACK:
    case PINGRESP:
      if (flags) throw malformed(`reserved flags ${flags} of ${packetName(first >> 4)}`);
      return;
    case 0:
    case 15:
      throw malformed(`reserved packet type ${first >> 4}`);
    default:
      throw new BerthError("protocol-violation", `${packetName(first >> 4)} from a server`);
  }
}

/** The remaining lengths that a type can have: fixed for most (sections 3.2, 3.4, 3.9, 3.11, 3.13). */
function checkLength(first: number, remaining: number): void {
  let valid: boolean;
  switch (first >> 4) {
    case PUBLISH:
      // A topic of one byte at least, and an id for QoS 1.
      valid = remaining >= (first & 0x02 ? 5 : 3);
      break;
    case SUBACK:
      valid = remaining >= 3;
      break;
    case PINGRESP:
      valid = remaining === 0;
      break;
    default:
      valid = remaining === 2;
      break;
  }
  if (!valid) throw malformed(`remaining length ${remaining} of type ${first >> 4}`);
}
