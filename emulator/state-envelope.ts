// SPDX-License-Identifier: MIT
/** A record of the state as bytes that check themselves, and can be found again in a file that nothing else can read. */
import { crc32 } from "node:zlib";

/** Begins each record: what no JSON holds. */
const MAGIC = Buffer.from("berth\0\x01\n", "latin1");
/** Behind it: sequence number (6 bytes), bytes of the text (4), CRC-32 of those two and the text (4). */
const HEADER = MAGIC.length + 14;
const SEQUENCE = MAGIC.length;
const LENGTH = SEQUENCE + 6;
const CHECKSUM = LENGTH + 4;

/** What is kept under a key. */
export interface StoredRecord {
  key: string;
  /** Higher for what was written later. */
  sequence: number;
  /** JSON. */
  value: unknown;
}

/** The bytes of a record. */
export function encodeRecord({ key, sequence, value }: StoredRecord): Buffer {
  const text = Buffer.from(JSON.stringify([key, value]));
  const header = Buffer.alloc(HEADER);
  MAGIC.copy(header);
  header.writeUIntBE(sequence, SEQUENCE, 6);
  header.writeUInt32BE(text.length, LENGTH);
  header.writeUInt32BE(checksum(header, text), CHECKSUM);
  return Buffer.concat([header, text]);
}

/** The record at the start of `bytes`; undefined when there is none, or its checksum is wrong. */
export function decodeRecord(bytes: Buffer): StoredRecord | undefined {
  if (bytes.length < HEADER || !bytes.subarray(0, SEQUENCE).equals(MAGIC)) return undefined;
  const text = bytes.subarray(HEADER, HEADER + bytes.readUInt32BE(LENGTH));
  if (text.length !== bytes.readUInt32BE(LENGTH)) return undefined;
  if (checksum(bytes, text) !== bytes.readUInt32BE(CHECKSUM)) return undefined;
  const [key, value] = JSON.parse(text.toString()) as [string, unknown];
  return { key, sequence: bytes.readUIntBE(SEQUENCE, 6), value };
}

/** The newest whole record of each key, wherever it lies in `bytes`. */
export function salvage(bytes: Buffer): Map<string, StoredRecord> {
  const found = new Map<string, StoredRecord>();
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    const record = decodeRecord(bytes.subarray(at));
    if (record && record.sequence >= (found.get(record.key)?.sequence ?? 0)) found.set(record.key, record);
  }
  return found;
}

function checksum(header: Buffer, text: Buffer): number {
  return crc32(text, crc32(header.subarray(SEQUENCE, CHECKSUM)));
}
