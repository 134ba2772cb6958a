// SPDX-License-Identifier: MIT
/**
 * The assignment record: one self-checking value.
 *
 * | bytes | what |
 * |---|---|
 * | 4 | "BRTH" |
 * | 1 | version of the layout, 1 |
 * | 1 | kind: 1 an assignment, 2 forgotten on purpose |
 * | 4 | sequence number, big-endian |
 * | 2 | length of the body, big-endian |
 * | n | body: when (8 bytes, milliseconds since 1970 as a big-endian double), then id scope, registration id, hub, device id, each as a byte of length and UTF-8 |
 * | 4 | CRC-32 of all before, big-endian |
 */
import { invalidArgument } from "../error";
import type { TextCodec } from "../host";
import { crc32 } from "./crc32";

/** For whom DPS assigned what, and when. */
export interface Assignment {
  readonly idScope: string;
  readonly registrationId: string;
  readonly hub: string;
  readonly deviceId: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
}

/** A record: an assignment, or undefined for 'forgotten on purpose'. */
export interface AssignmentRecord {
  /** 1 to 4,294,967,295; the higher one is the newer. */
  readonly sequence: number;
  readonly assignment: Assignment | undefined;
}

const MAGIC = 0x42525448;
const VERSION = 1;
const KIND_ASSIGNED = 1;
const KIND_FORGOTTEN = 2;
const HEADER = 12;
const CHECKSUM = 4;

/** The bytes of a record. @throws BerthError `invalid-argument` for a field over 255 bytes */
export function encodeRecord(record: AssignmentRecord, text: TextCodec): Uint8Array {
  const { assignment } = record;
  const fields: Uint8Array[] = [];
  let body = 0;
  if (assignment) {
    body = 8;
    for (const field of [
      assignment.idScope,
      assignment.registrationId,
      assignment.hub,
      assignment.deviceId,
    ]) {
      const bytes = text.encode(field);
      if (bytes.length > 255) throw invalidArgument("a field of an assignment over 255 bytes");
      fields.push(bytes);
      body += 1 + bytes.length;
    }
  }
  const value = new Uint8Array(HEADER + body + CHECKSUM);
  const view = new DataView(value.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  view.setUint8(5, assignment ? KIND_ASSIGNED : KIND_FORGOTTEN);
  view.setUint32(6, record.sequence);
  view.setUint16(10, body);
  let at = HEADER;
  if (assignment) {
    view.setFloat64(at, assignment.assignedAt);
    at += 8;
  }
  for (const bytes of fields) {
    value[at] = bytes.length;
    value.set(bytes, at + 1);
    at += 1 + bytes.length;
  }
  view.setUint32(at, crc32(value.subarray(0, at)));
  return value;
}

/** The record in `value`, or undefined when it is torn, of an unknown version, or none at all. Never throws. */
export function decodeRecord(value: Uint8Array, text: TextCodec): AssignmentRecord | undefined {
  if (value.length < HEADER + CHECKSUM) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const end = value.length - CHECKSUM;
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== VERSION) return undefined;
  if (view.getUint16(10) !== end - HEADER || view.getUint32(end) !== crc32(value.subarray(0, end)))
    return undefined;
  const sequence = view.getUint32(6);
  const kind = view.getUint8(5);
  if (kind === KIND_FORGOTTEN && end === HEADER) return { sequence, assignment: undefined };
  if (kind !== KIND_ASSIGNED || end < HEADER + 8) return undefined;
  const fields: string[] = [];
  let at = HEADER + 8;
  try {
    while (at < end) {
      const next = at + 1 + (value[at] as number);
      if (next > end) return undefined;
      fields.push(text.decode(value.subarray(at + 1, next)));
      at = next;
    }
  } catch {
    return undefined;
  }
  if (fields.length !== 4) return undefined;
  const [idScope, registrationId, hub, deviceId] = fields as [string, string, string, string];
  return {
    sequence,
    assignment: { idScope, registrationId, hub, deviceId, assignedAt: view.getFloat64(HEADER) },
  };
}
