// SPDX-License-Identifier: MIT
/**
 * The bytes of an NVS partition, format version 2, as they lie in flash. Layout: "NVS internals" and "NVS Partition
 * Generator Utility" of ESP-IDF's documentation. Values are placed as Espressif's generator places them, so that
 * both make the same bytes of the same values.
 */
import { crc32 } from "node:zlib";
import { BerthError } from "../src/error";
import { checkNamespaces, type NvsNamespace, type NvsValue, stringBytes } from "./nvs-values";

/** Bytes of a page: what flash erases at a time. */
export const PAGE = 4096;
const ENTRY = 32;
/** Entries of a page, behind its header and the bitmap of their states, which have the size of one each. */
const ENTRIES = 126;
const FIRST_ENTRY = 2 * ENTRY;

/** States of a page: bits are cleared one after the other, as flash can only do. */
const STATE = Object.freeze({ ACTIVE: 0xffff_fffe, FULL: 0xffff_fffc });
/** Format version 2, which has blobs over several pages: versions count down. */
const VERSION_2 = 0xfe;
/** Types of entries. */
const TYPE = Object.freeze({ u8: 0x01, i32: 0x14, string: 0x21, blobData: 0x42, blobIndex: 0x48 });
/** The chunk index of everything but a piece of a blob. */
const NO_CHUNK = 0xff;
/** The namespace of the names of namespaces. */
const NAMES = 0;

/**
 * Pages that stay erased. NVS does not start without one; a second one is for what the firmware stores: the
 * assignment, the last error, the calibration of the radio (ESP-IDF's PHY, about half a page).
 */
export const FREE_PAGES = 2;

/** An image and how much of it is used. */
export interface NvsImage {
  readonly bytes: Uint8Array;
  readonly usedPages: number;
  readonly freePages: number;
}

/**
 * The image of a partition with these values.
 * @param size of the partition in bytes, see `checkPartitionSize`
 * @throws BerthError `invalid-argument` for a wrong size, for a name or value that NVS or `preference` does not take,
 *   and when fewer than `FREE_PAGES` pages would stay free
 */
export function nvsImage(namespaces: readonly NvsNamespace[], size: number): NvsImage {
  checkPartitionSize(size);
  checkNamespaces(namespaces);
  const pages = new Pages();
  let index = NAMES;
  for (const { name, values } of namespaces) {
    index += 1;
    pages.number(NAMES, { key: name, type: "u8", value: index });
    for (const value of values) {
      if (value.type === "string") pages.string(index, value);
      else if (value.type === "blob") pages.blob(index, value);
      else pages.number(index, value);
    }
  }
  const total = size / PAGE;
  const usedPages = pages.bytes.length / PAGE;
  if (total - usedPages < FREE_PAGES) {
    throw new BerthError(
      "invalid-argument",
      `the values need ${usedPages} pages of NVS; the partition has ${total}, of which ${FREE_PAGES} must stay free`,
    );
  }
  const bytes = new Uint8Array(size).fill(0xff);
  bytes.set(pages.bytes);
  return { bytes, usedPages, freePages: total - usedPages };
}

/** @throws BerthError `invalid-argument` unless `size` is a multiple of 4,096 bytes, and 12,288 at least */
export function checkPartitionSize(size: number): void {
  const least = (FREE_PAGES + 1) * PAGE;
  if (Number.isSafeInteger(size) && size % PAGE === 0 && size >= least) return;
  throw new BerthError(
    "invalid-argument",
    `an NVS partition has a multiple of ${PAGE} bytes, ${least} at least, not ${size}`,
  );
}

/** Pages as they fill. */
class Pages {
  readonly #pages: Uint8Array[] = [];
  /** Entries used of the last page. */
  #used = 0;

  constructor() {
    this.#next();
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#pages);
  }

  number(namespace: number, { key, type, value }: NvsValue & { type: "i32" | "u8" }): void {
    if (this.#used === ENTRIES) this.#next();
    const entry = new Entry(namespace, TYPE[type], 1, NO_CHUNK, key);
    if (type === "u8") entry.data.setUint8(0, value);
    else entry.data.setInt32(0, value, true);
    this.#append(entry);
  }

  string(namespace: number, { key, value }: NvsValue & { type: "string" }): void {
    const bytes = stringBytes(value);
    const span = 1 + entriesOf(bytes.length);
    // NVS would fill the last entry of a page too; Espressif's generator does not.
    if (this.#used > 0 && this.#used + span >= ENTRIES) this.#next();
    this.#append(new Entry(namespace, TYPE.string, span, NO_CHUNK, key).withDataOf(bytes), bytes);
  }

  blob(namespace: number, { key, value }: NvsValue & { type: "blob" }): void {
    if (this.#used === ENTRIES) this.#next();
    let chunks = 0;
    for (let at = 0; at < value.length; ) {
      const room = (ENTRIES - 1 - this.#used) * ENTRY;
      const chunk = value.subarray(at, at + room);
      const span = 1 + entriesOf(chunk.length);
      this.#append(new Entry(namespace, TYPE.blobData, span, chunks, key).withDataOf(chunk), chunk);
      chunks += 1;
      at += chunk.length;
      if (at < value.length || room - chunk.length < ENTRY) this.#next();
    }
    const index = new Entry(namespace, TYPE.blobIndex, 1, NO_CHUNK, key);
    index.data.setUint32(0, value.length, true);
    index.data.setUint8(4, chunks);
    // The first chunk index: 0, or 0x80 for every other version of a value.
    index.data.setUint8(5, 0);
    this.#append(index);
  }

  /** @param data fills the entries behind; what is over stays erased */
  #append(entry: Entry, data: Uint8Array = new Uint8Array()): void {
    const page = this.#pages.at(-1) as Uint8Array;
    const start = FIRST_ENTRY + this.#used * ENTRY;
    page.set(entry.sealed(), start);
    page.set(data, start + ENTRY);
    const end = this.#used + 1 + entriesOf(data.length);
    for (; this.#used < end; this.#used += 1) {
      // Two bits an entry: 11 empty, 10 written, 00 erased.
      const at = ENTRY + (this.#used >> 2);
      page[at] = (page[at] as number) & ~(1 << ((this.#used & 3) * 2));
    }
  }

  #next(): void {
    const last = this.#pages.at(-1);
    if (last) viewOf(last).setUint32(0, STATE.FULL, true);
    const page = new Uint8Array(PAGE).fill(0xff);
    const view = viewOf(page);
    view.setUint32(0, STATE.ACTIVE, true);
    view.setUint32(4, this.#pages.length, true);
    view.setUint8(8, VERSION_2);
    view.setUint32(28, checksum(page.subarray(4, 28)), true);
    this.#pages.push(page);
    this.#used = 0;
  }
}

/** An entry: namespace, type, span, chunk index; CRC-32; key in 16 bytes; 8 bytes of data. */
class Entry {
  readonly #bytes = new Uint8Array(ENTRY).fill(0xff);
  /** The number itself, or what there is to know of the data behind. */
  readonly data: DataView;

  constructor(namespace: number, type: number, span: number, chunk: number, key: string) {
    this.#bytes.set([namespace, type, span, chunk]);
    this.#bytes.fill(0, 8, 24);
    this.#bytes.set(Buffer.from(key, "ascii"), 8);
    this.data = viewOf(this.#bytes.subarray(24));
  }

  /** Notes length and CRC of the data behind. */
  withDataOf(bytes: Uint8Array): this {
    this.data.setUint16(0, bytes.length, true);
    this.data.setUint32(4, checksum(bytes), true);
    return this;
  }

  /** The bytes, with the CRC over all but itself. */
  sealed(): Uint8Array {
    const bytes = this.#bytes;
    viewOf(bytes).setUint32(4, crc32(bytes.subarray(8), checksum(bytes.subarray(0, 4))), true);
    return bytes;
  }
}

function entriesOf(length: number): number {
  return Math.ceil(length / ENTRY);
}

/** CRC-32 of the chip's ROM as NVS calls it: the usual polynomial, begun where the usual one would be 0xffffffff. */
function checksum(bytes: Uint8Array): number {
  return crc32(bytes, 0xffff_ffff);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
