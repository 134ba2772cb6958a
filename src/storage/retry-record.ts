// SPDX-License-Identifier: MIT
/**
 * What slows a device down, over a restart: one record under one key. Where it is torn or lost the device comes back
 * sooner than it should have, once; so one slot is enough.
 *
 * The body:
 *
 * | bytes | what |
 * |---|---|
 * | 4 | CRC-32 of id scope, line feed, registration id: of another identity nothing is kept; big-endian |
 * | 8 | when it was written, milliseconds since 1970 as a big-endian double |
 * | 4, 4 | how long from then on DPS is not asked, and how much of it DPS asked for; milliseconds, big-endian |
 * | 6 | the counts |
 * | 4 | age of the operation of DPS, milliseconds, big-endian |
 * | n | its id in UTF-8; none without an operation |
 */
import type { TextCodec } from "../host";
import type { Assignment } from "./assignment";
import { crc32 } from "./crc32";
import { type RecordCodec, RecordKind } from "./record";

/** Short enough for NVS. */
export const RETRY_KEY = "retry";

/** Durations are milliseconds, whole, below 2^32. */
export interface RetryRecord {
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

const COUNTS = 6;
const COUNTS_AT = 20;
const HEADER = COUNTS_AT + COUNTS + 4;
/** Bytes of an operation id, as DPS's answers are bounded. */
const LONGEST_ID = 1_900;
const LONGEST = 0xffffffff;

/** For a device of that identity; another's record is none. One whose operation id is over 1,900 bytes is none to the reader. */
export function retryCodec(
  identity: Pick<Assignment, "idScope" | "registrationId">,
): RecordCodec<RetryRecord> {
  const ownerOf = (text: TextCodec): number =>
    crc32(text.encode(`${identity.idScope}\n${identity.registrationId}`));
  return {
    kind: RecordKind.RETRY,
    encode(record, text) {
      const id = text.encode(record.operationId ?? "");
      const body = new Uint8Array(HEADER + id.length);
      const view = new DataView(body.buffer);
      view.setUint32(0, ownerOf(text));
      view.setFloat64(4, record.savedAt);
      view.setUint32(12, duration(record.dpsWait));
      view.setUint32(16, duration(record.toldWait));
      for (let i = 0; i < COUNTS; i += 1) view.setUint8(COUNTS_AT + i, record.counts[i] ?? 0);
      view.setUint32(COUNTS_AT + COUNTS, duration(record.operationAge));
      body.set(id, HEADER);
      return body;
    },
    decode(body, text) {
      if (body.length < HEADER || body.length > HEADER + LONGEST_ID) return undefined;
      const view = new DataView(body.buffer, body.byteOffset);
      const savedAt = view.getFloat64(4);
      if (view.getUint32(0) !== ownerOf(text) || !Number.isFinite(savedAt)) return undefined;
      return {
        savedAt,
        dpsWait: view.getUint32(12),
        toldWait: view.getUint32(16),
        counts: Array.from(body.subarray(COUNTS_AT, COUNTS_AT + COUNTS)),
        operationId: body.length > HEADER ? text.decode(body.subarray(HEADER)) : undefined,
        operationAge: view.getUint32(COUNTS_AT + COUNTS),
      };
    },
  };
}

function duration(milliseconds: number): number {
  return Math.min(Math.max(Math.ceil(milliseconds), 0), LONGEST);
}
