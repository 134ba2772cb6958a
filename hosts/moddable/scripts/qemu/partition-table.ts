// SPDX-License-Identifier: MIT
/** The partition table as ESP-IDF's build leaves it (partition-table.bin). Layout: ESP-IDF, "Partition Tables". */

/** Bytes of an entry, and its first two. */
const ENTRY = 32;
const MAGIC = 0x50aa;

/** Offset and size are bytes. */
export interface FlashPartition {
  readonly name: string;
  readonly type: number;
  readonly subtype: number;
  readonly offset: number;
  readonly size: number;
}

export const APP = 0;
export const DATA = 1;
/** A subtype of data. */
export const NVS = 2;

/** @throws Error for bytes that are no table */
export function readPartitionTable(bytes: Uint8Array): FlashPartition[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: FlashPartition[] = [];
  for (let at = 0; at + ENTRY <= bytes.length && view.getUint16(at, true) === MAGIC; at += ENTRY) {
    const name = String.fromCharCode(...bytes.subarray(at + 12, at + 28)).replace(/\0.*$/s, "");
    found.push({
      name,
      type: view.getUint8(at + 2),
      subtype: view.getUint8(at + 3),
      offset: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
    });
  }
  if (found.length === 0) throw new Error("the build left no partition table that can be read");
  return found;
}
