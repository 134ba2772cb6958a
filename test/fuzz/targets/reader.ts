// SPDX-License-Identifier: MIT
/**
 * The MQTT reader: one byte of options, two of lengths of pieces, then what a server sends. In one chunk, byte by byte
 * and in pieces it must report the same; what it reports, written again, must be the bytes that came, and what it reads
 * past must be named and measured as it came.
 */
import type { ErrorCode } from "../../../src/error";
import type { TextCodec } from "../../../src/host";
import { type PacketHandler, PacketReader, type ReaderOptions } from "../../../src/mqtt/reader";
import { type RawPacket, wholePackets, withFittingLength } from "./packets";
import { codeOf, digest, must, sameBytes, type Target } from "./target";

const HEAD = 3;
const MAXIMA = [128, 200, 1_000, 4_096] as const;
const EXPECTED: readonly ErrorCode[] = ["malformed-packet", "protocol-violation"];

/** A packet that was reported: in a line, and whether it is the one that came. */
interface Report {
  readonly line: string;
  readonly is: (sent: RawPacket) => boolean;
}

interface Outcome {
  readonly reports: readonly Report[];
  readonly code: ErrorCode | undefined;
  /** Nothing of a further packet had been collected. */
  readonly idle: boolean;
}

export const reader: Target = {
  memory: 4_096,
  run(bytes, text) {
    const { options, pieces, stream } = readInput(bytes);
    const whole = read([stream], text, options);
    for (const lengths of [[1], pieces]) {
      const split = read(cut(stream, lengths), text, options);
      must(linesOf(split) === linesOf(whole), `in one chunk ${linesOf(whole)}; split ${linesOf(split)}`);
      must(split.idle === whole.idle, "idle depends on the chunks");
    }
    const sent = wholePackets(stream);
    for (const [i, { is }] of whole.reports.entries()) {
      const original = sent[i];
      must(original !== undefined && is(original), `packet ${i} is reported as another`);
    }
    must(whole.code !== undefined || whole.reports.length === sent.length, "a whole packet was not reported");
    return linesOf(whole);
  },
  repair: (bytes) => withFittingLength(bytes, HEAD),
  tokens: ["$dps/registrations/res/200/?$rid=1", "devices/device-1/messages/devicebound/"],
};

/** What the bytes of an input mean. */
export function readInput(bytes: Uint8Array): {
  readonly options: ReaderOptions;
  readonly pieces: readonly number[];
  readonly stream: Uint8Array;
} {
  const [flags = 0, first = 0, second = 0] = bytes;
  return {
    options: {
      maximumPacketSize: MAXIMA[(flags >> 1) & 3] as number,
      oversize: flags & 1 ? "stream" : "skip",
    },
    pieces: [first + 1, second + 1],
    stream: bytes.slice(HEAD),
  };
}

/** One line of the summary. */
export function publishLine(
  topic: string,
  flags: { readonly QoS: number; readonly duplicate: boolean; readonly retain: boolean; readonly id: number },
  payload: Uint8Array,
): string {
  const { QoS, duplicate, retain, id } = flags;
  return JSON.stringify(["publish", topic, QoS, duplicate, retain, id, digest(payload)]);
}

function linesOf({ reports, code }: Outcome): string {
  return [...reports.map(({ line }) => line), code ?? "end"].join("\n");
}

/** `stream` in pieces of these lengths in turn. */
function cut(stream: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = lengths[pieces.length % lengths.length] as number;
    pieces.push(stream.slice(at, at + length));
    at += length;
  }
  return pieces;
}

function read(chunks: readonly Uint8Array[], text: TextCodec, options: ReaderOptions): Outcome {
  const reports: Report[] = [];
  let payload = new Uint8Array(0);
  let filled = 0;
  const report = (line: string, first: number, ...body: readonly number[]): void => {
    reports.push({ line, is: same({ first, body: Uint8Array.from(body) }) });
  };
  const handler: PacketHandler = {
    onConnack: (present, code) => report(`connack ${present} ${code}`, 0x20, present ? 1 : 0, code),
    onPublish(publish) {
      if (publish.offset === 0) {
        payload = new Uint8Array(publish.byteLength);
        filled = 0;
      }
      must(publish.offset === filled, `a fragment at ${publish.offset} after ${filled} bytes`);
      must(filled + publish.payload.length <= publish.byteLength, "more than announced");
      payload.set(publish.payload, filled);
      filled += publish.payload.length;
      // Fragments that came before an error are not compared: how many depends on the chunks.
      if (filled < publish.byteLength) return;
      reports.push({
        line: publishLine(publish.topic, publish, payload),
        is: same(publishPacket(publish.topic, publish, payload, text)),
      });
    },
    onOversize({ topic, topicIsWhole, QoS, id, size, maximum }) {
      must(size > maximum, "read past though it fits");
      const name = text.encode(topic);
      must(name.length <= maximum, "more than the maximum was held");
      reports.push({
        line: JSON.stringify(["oversize", topic, topicIsWhole, QoS, id, size]),
        is({ first, body }) {
          const length = ((body[0] as number) << 8) | (body[1] as number);
          const idAt = 2 + length;
          const sentId = QoS ? ((body[idAt] as number) << 8) | (body[idAt + 1] as number) : 0;
          return (
            first >> 4 === 3 &&
            size === body.length &&
            id === sentId &&
            topicIsWhole === (name.length === length) &&
            sameBytes(body.subarray(2, 2 + name.length), name)
          );
        },
      });
    },
    onPuback: (id) => report(`puback ${id}`, 0x40, id >> 8, id & 255),
    onSuback(id, codes) {
      const body = new Uint8Array(2 + codes.length);
      body.set([id >> 8, id & 255]);
      body.set(codes, 2);
      reports.push({ line: `suback ${id} ${digest(codes)}`, is: same({ first: 0x90, body }) });
    },
    onUnsuback: (id) => report(`unsuback ${id}`, 0xb0, id >> 8, id & 255),
    onPingresp: () => report("pingresp", 0xd0),
  };
  const packets = new PacketReader(handler, text, options);
  const code = codeOf(EXPECTED, () => {
    for (const chunk of chunks) {
      // A copy that is spoiled afterwards: the chunk is free for reuse when `push` returns.
      const reused = chunk.slice();
      packets.push(reused);
      reused.fill(0xff);
    }
  });
  const { length } = reports;
  // A packet of its own is read as one where nothing of a further one had been collected.
  if (code === undefined) codeOf(EXPECTED, () => packets.push(Uint8Array.of(0xd0, 0)));
  const [next, ...more] = reports.splice(length);
  return { reports, code, idle: next?.line === "pingresp" && more.length === 0 };
}

function same(packet: RawPacket): Report["is"] {
  return (sent) => sent.first === packet.first && sameBytes(sent.body, packet.body);
}

function publishPacket(
  topic: string,
  flags: { readonly QoS: number; readonly duplicate: boolean; readonly retain: boolean; readonly id: number },
  payload: Uint8Array,
  text: TextCodec,
): RawPacket {
  const name = text.encode(topic);
  const at = 2 + name.length + (flags.QoS ? 2 : 0);
  const body = new Uint8Array(at + payload.length);
  body.set([name.length >> 8, name.length & 255]);
  body.set(name, 2);
  if (flags.QoS) body.set([flags.id >> 8, flags.id & 255], at - 2);
  body.set(payload, at);
  return { first: 0x30 | (flags.duplicate ? 8 : 0) | (flags.QoS << 1) | (flags.retain ? 1 : 0), body };
}
