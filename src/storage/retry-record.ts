// SPDX-License-Identifier: MIT
/**
 * What slows a device down, over a restart: one self-checking value under one key. Where it is torn or lost the
 * device comes back sooner than it should have, once; so one slot is enough.
 *
 * | bytes | what |
 * |---|---|
 * | 4 | "BRTR" |
 * | 1 | version of the layout, 1 |
 * | 4 | CRC-32 of id scope, line feed, registration id: of another identity nothing is kept; big-endian |
 * | 8 | when it was written, milliseconds since 1970 as a big-endian double |
 * | 4, 4 | how long from then on DPS is not asked, and how much of it DPS asked for; milliseconds, big-endian |
 * | 6 | the counts |
 * | 4 | age of the operation of DPS, milliseconds, big-endian |
 * | n | its id in UTF-8; none without an operation |
 * | 4 | CRC-32 of all before, big-endian |
 */
import type { TextCodec } from "../host";
import { crc32 } from "./crc32";

/** Short enough for NVS. */
export const RETRY_KEY = "retry";

/** Durations are milliseconds, whole, below 2^32. */
export interface RetryRecord {
  readonly idScope: string;
  readonly registrationId: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly savedAt: number;
  /** How long from `savedAt` on DPS is not asked. */
  readonly dpsWait: number;
  /** How much of it DPS asked for. */
  readonly toldWait: number;
  /** Six, of 0 to 255. */
  readonly counts: readonly number[];
  /** Of a registration that DPS has not finished. */
  readonly operationId: string | undefined;
  /** Its age at `savedAt`. */
  readonly operationAge: number;
}

const MAGIC = 0x42525452;
const VERSION = 1;
const COUNTS = 6;
const COUNTS_AT = 25;
const HEADER = COUNTS_AT + COUNTS + 4;
const CHECKSUM = 4;
/** Bytes of an operation id, as DPS's answers are bounded. */
const LONGEST_ID = 1_900;
const LONGEST = 0xffffffff;

/** The bytes of a record; one whose operation id is over 1,900 bytes is none to the reader. */
export function encodeRetryRecord(record: RetryRecord, text: TextCodec): Uint8Array {
  const id = text.encode(record.operationId ?? "");
  const value = new Uint8Array(HEADER + id.length + CHECKSUM);
  const view = new DataView(value.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  view.setUint32(5, ownerOf(record, text));
  view.setFloat64(9, record.savedAt);
  view.setUint32(17, duration(record.dpsWait));
  view.setUint32(21, duration(record.toldWait));
  for (let i = 0; i < COUNTS; i += 1) view.setUint8(COUNTS_AT + i, record.counts[i] ?? 0);
  view.setUint32(COUNTS_AT + COUNTS, duration(record.operationAge));
  value.set(id, HEADER);
  const end = value.length - CHECKSUM;
  view.setUint32(end, crc32(value.subarray(0, end)));
  return value;
}

/** The record of that identity in `value`; undefined when it is torn, another's, or none at all. Never throws. */
export function decodeRetryRecord(
  value: Uint8Array,
  { idScope, registrationId }: Pick<RetryRecord, "idScope" | "registrationId">,
  text: TextCodec,
): RetryRecord | undefined {
  if (value.length < HEADER + CHECKSUM || value.length > HEADER + LONGEST_ID + CHECKSUM) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const end = value.length - CHECKSUM;
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== VERSION) return undefined;
  if (view.getUint32(end) !== crc32(value.subarray(0, end))) return undefined;
  const savedAt = view.getFloat64(9);
  if (view.getUint32(5) !== ownerOf({ idScope, registrationId }, text) || !Number.isFinite(savedAt)) {
    return undefined;
  }
  let operationId: string | undefined;
  try {
    operationId = end > HEADER ? text.decode(value.subarray(HEADER, end)) : undefined;
  } catch {
    return undefined;
  }
  return {
    idScope,
    registrationId,
    savedAt,
    dpsWait: view.getUint32(17),
    toldWait: view.getUint32(21),
    counts: Array.from(value.subarray(COUNTS_AT, COUNTS_AT + COUNTS)),
    operationId,
    operationAge: view.getUint32(COUNTS_AT + COUNTS),
  };
}

function ownerOf(
  { idScope, registrationId }: Pick<RetryRecord, "idScope" | "registrationId">,
  text: TextCodec,
): number {
  return crc32(text.encode(`${idScope}\n${registrationId}`));
}

function duration(milliseconds: number): number {
  return Math.min(Math.max(Math.ceil(milliseconds), 0), LONGEST);
}
