// SPDX-License-Identifier: MIT
/**
 * A record: one self-checking value, the same envelope for every kind; a codec a kind knows the body.
 *
 * | bytes | what |
 * |---|---|
 * | 4 | "BRTH" |
 * | 1 | version of the envelope, 1 |
 * | 1 | kind of the body |
 * | 4 | sequence number, big-endian |
 * | 2 | length of the body, big-endian |
 * | n | body |
 * | 4 | CRC-32 of all before, big-endian |
 */
import type { TextCodec } from "../host";
import { crc32 } from "./crc32";

/** What a body is. A number that was used once keeps its meaning. */
export const RecordKind = Object.freeze({
  ASSIGNMENT: 1,
  /** Forgotten on purpose: no body, whatever was there before. */
  FORGOTTEN: 2,
  RETRY: 3,
  /** Which of two values is in use, and which on trial. */
  TRIAL: 4,
  CERTIFICATE: 5,
  ROOTS: 6,
  TRANSPORT: 7,
} as const);

/** Bodies of one kind. */
export interface RecordCodec<Value> {
  readonly kind: number;
  /** @throws BerthError `invalid-argument` for what the body has no place for */
  encode(value: Value, text: TextCodec): Uint8Array;
  /** @returns undefined for what is no such body; an exception counts as that */
  decode(body: Uint8Array, text: TextCodec): Value | undefined;
}

/** A value, or undefined for 'forgotten on purpose'. */
export interface StoredRecord<Value> {
  /** 1 to 4,294,967,295; the higher one is the newer. */
  readonly sequence: number;
  readonly value: Value | undefined;
}

const MAGIC = 0x42525448;
const VERSION = 1;
const HEADER = 12;
const CHECKSUM = 4;

/** The bytes of a record. @throws BerthError `invalid-argument` as the codec */
export function encodeRecord<Value>(
  codec: RecordCodec<Value>,
  { sequence, value }: StoredRecord<Value>,
  text: TextCodec,
): Uint8Array {
  const body = value === undefined ? new Uint8Array(0) : codec.encode(value, text);
  const bytes = new Uint8Array(HEADER + body.length + CHECKSUM);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  view.setUint8(5, value === undefined ? RecordKind.FORGOTTEN : codec.kind);
  view.setUint32(6, sequence);
  view.setUint16(10, body.length);
  bytes.set(body, HEADER);
  const end = HEADER + body.length;
  view.setUint32(end, crc32(bytes.subarray(0, end)));
  return bytes;
}

/** The record in `bytes`, or undefined when it is torn, of an unknown version or another kind, or none at all. Never throws. */
export function decodeRecord<Value>(
  codec: RecordCodec<Value>,
  bytes: Uint8Array,
  text: TextCodec,
): StoredRecord<Value> | undefined {
  if (bytes.length < HEADER + CHECKSUM) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - CHECKSUM;
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== VERSION) return undefined;
  if (view.getUint16(10) !== end - HEADER || view.getUint32(end) !== crc32(bytes.subarray(0, end))) {
    return undefined;
  }
  const sequence = view.getUint32(6);
  const kind = view.getUint8(5);
  if (kind === RecordKind.FORGOTTEN && end === HEADER) return { sequence, value: undefined };
  if (kind !== codec.kind) return undefined;
  try {
    const value = codec.decode(bytes.subarray(HEADER, end), text);
    return value === undefined ? undefined : { sequence, value };
  } catch {
    return undefined;
  }
}
