// SPDX-License-Identifier: MIT
/**
 * The bytes of the outbox in flash; numbers are big-endian. What is written later is only ever ones that become zeros.
 *
 * A sector begins with:
 *
 * | bytes | what |
 * |---|---|
 * | 4 | "BRL1"; zeros once it is about to be erased |
 * | 4 | CRC-32 of whose it is: id scope and registration id |
 * | 4 | sequence number, from 1; one more for each sector that is begun |
 * | 4 | the first sequence number that counts: those below are forgotten |
 * | 4 | CRC-32 of all before |
 *
 * Messages follow one after the other, each at a multiple of four:
 *
 * | bytes | what |
 * |---|---|
 * | 1 | 255, 0 once the hub has it |
 * | 1 | 0xA5 |
 * | 2 | length of the property bag |
 * | 2 | length of the payload |
 * | 2 | half of a CRC-32 of the sector's sequence number and both lengths, which are not believed without it |
 * | 4 | CRC-32 of the same and of what follows |
 * | n | property bag, payload |
 *
 * The rest is 255. The sequence number in both checks lets nothing count that an erase has left of an earlier round.
 */
import { crc32 } from "../storage/crc32";

export const SECTOR_HEADER = 20;
export const RECORD_HEADER = 12;
export const ERASED = 255;

const MAGIC = 0x42524c31;
const MESSAGE = 0xa5;
/** More sectors than are ever begun, and room for one more each. */
const HIGHEST = 0xfffffff;
/** Of the eight bits of the first byte: a flipped one makes no message done, and a torn write may. */
const MOST_BITS_OF_DONE = 4;

export interface SectorHeader {
  readonly owner: number;
  readonly sequence: number;
  readonly since: number;
}

/** What a message's first bytes say. */
export interface RecordHeader {
  readonly done: boolean;
  readonly bag: number;
  readonly payload: number;
  readonly checksum: number;
}

export function encodeSector({ owner, sequence, since }: SectorHeader): Uint8Array {
  const bytes = new Uint8Array(SECTOR_HEADER);
  const view = viewOf(bytes);
  for (const [i, number] of [MAGIC, owner, sequence, since].entries()) view.setUint32(4 * i, number);
  view.setUint32(16, crc32(bytes.subarray(0, 16)));
  return bytes;
}

/** Undefined for what no sector begins with. */
export function decodeSector(bytes: Uint8Array): SectorHeader | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(0) !== MAGIC || view.getUint32(16) !== crc32(bytes.subarray(0, 16))) return undefined;
  const [owner, sequence, since] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)];
  return sequence > 0 && sequence <= HIGHEST && since <= sequence ? { owner, sequence, since } : undefined;
}

/** Of a whole message, up to the next multiple of four. */
export function recordSize(bag: number, payload: number): number {
  return (RECORD_HEADER + bag + payload + 3) & ~3;
}

/** @param fill writes property bag and payload */
export function encodeRecord(
  sequence: number,
  bag: number,
  payload: number,
  fill: (body: Uint8Array) => void,
): Uint8Array {
  const end = RECORD_HEADER + bag + payload;
  const bytes = new Uint8Array(recordSize(bag, payload)).fill(ERASED, end);
  const view = viewOf(bytes);
  const body = bytes.subarray(RECORD_HEADER, end);
  bytes[0] = ERASED;
  bytes[1] = MESSAGE;
  view.setUint16(2, bag);
  view.setUint16(4, payload);
  fill(body);
  view.setUint16(6, checkOf(sequence, bag, payload) & 0xffff);
  view.setUint32(8, checkOf(sequence, bag, payload, body));
  return bytes;
}

/** Undefined for what no message of the sector begins with. */
export function decodeHead(sequence: number, head: Uint8Array): RecordHeader | undefined {
  const view = viewOf(head);
  const bag = view.getUint16(2);
  const payload = view.getUint16(4);
  if (head[1] !== MESSAGE || view.getUint16(6) !== (checkOf(sequence, bag, payload) & 0xffff))
    return undefined;
  let bits = 0;
  for (let mark = head[0] as number; mark > 0; mark >>= 1) bits += mark & 1;
  return { done: bits <= MOST_BITS_OF_DONE, bag, payload, checksum: view.getUint32(8) };
}

/** CRC-32 of a message in the sector of that sequence number; without `body` that of its lengths alone. */
export function checkOf(sequence: number, bag: number, payload: number, body?: Uint8Array): number {
  const all = new Uint8Array(8 + (body?.length ?? 0));
  const view = viewOf(all);
  view.setUint32(0, sequence);
  view.setUint16(4, bag);
  view.setUint16(6, payload);
  if (body) all.set(body, 8);
  return crc32(all);
}

export function isErased(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i += 1) if (bytes[i] !== ERASED) return false;
  return true;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
