// SPDX-License-Identifier: MIT
/**
 * Reads an NVS partition as its documentation describes it ("Non-Volatile Storage Library", NVS internals), and
 * throws at whatever does not fit: the other half of the tests of factory/nvs-image.ts, with which it shares nothing.
 */

export interface ReadNvs {
  /** By `NAMESPACE/KEY`; a blob as hexadecimal. */
  readonly values: Record<string, { type: "u8" | "i32" | "string" | "blob"; value: string | number }>;
  readonly usedPages: number;
}

interface Blob {
  readonly size: number;
  readonly chunks: number;
}

const PAGE_STATES = new Map([
  [0xffffffff, "empty"],
  [0xfffffffe, "active"],
  [0xfffffffc, "full"],
]);

export function readNvs(image: Uint8Array): ReadNvs {
  const values: ReadNvs["values"] = {};
  const names: string[] = [];
  const chunks = new Map<string, Uint8Array>();
  const blobs = new Map<string, Blob>();
  let usedPages = 0;
  let active = 0;
  for (let start = 0; start < image.length; start += 4096) {
    const page = image.subarray(start, start + 4096);
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    const state = PAGE_STATES.get(view.getUint32(0, true));
    if (state === "empty") {
      if (page.some((byte) => byte !== 0xff)) throw new Error("an empty page is not erased");
      continue;
    }
    if (state === undefined) throw new Error("unknown state of a page");
    if (usedPages !== start / 4096) throw new Error("a used page behind an empty one");
    active += state === "active" ? 1 : 0;
    if (view.getUint32(4, true) !== usedPages) throw new Error("wrong sequence number");
    if (page[8] !== 0xfe) throw new Error("not version 2");
    if (page.subarray(9, 28).some((byte) => byte !== 0xff)) throw new Error("reserved bytes of the header");
    if (view.getUint32(28, true) !== crc(page.subarray(4, 28))) throw new Error("CRC of a header");
    usedPages += 1;
    readPage(page, { values, names, chunks, blobs });
  }
  if (usedPages > 0 && active !== 1) throw new Error(`${active} active pages`);
  for (const [key, { size, chunks: count }] of blobs) {
    const parts = Array.from({ length: count }, (_, at) => chunks.get(`${key}#${at}`) ?? missing(key));
    const whole = Buffer.concat(parts);
    if (whole.length !== size) throw new Error(`${key} has not its size`);
    put(values, key, { type: "blob", value: whole.toString("hex") });
    for (let at = 0; at < count; at += 1) chunks.delete(`${key}#${at}`);
  }
  if (chunks.size > 0) throw new Error("pieces of no blob");
  return { values, usedPages };
}

interface Found {
  readonly values: ReadNvs["values"];
  readonly names: string[];
  readonly chunks: Map<string, Uint8Array>;
  readonly blobs: Map<string, Blob>;
}

function readPage(page: Uint8Array, found: Found): void {
  let at = 0;
  while (at < 126) {
    if (entryState(page, at) === 3) break;
    const entry = page.subarray(64 + at * 32, 96 + at * 32);
    const view = new DataView(entry.buffer, entry.byteOffset, 32);
    const span = entry[2] as number;
    if (span < 1 || at + span > 126) throw new Error("an entry reaches over its page");
    for (let i = at; i < at + span; i += 1)
      if (entryState(page, i) !== 2) throw new Error("state of an entry");
    const sealed = Buffer.concat([entry.subarray(0, 4), entry.subarray(8)]);
    if (view.getUint32(4, true) !== crc(sealed)) throw new Error("CRC of an entry");
    const [namespace = 0, type, , chunk] = entry;
    const key = Buffer.from(entry.subarray(8, 24)).toString("latin1").replace(/\0+$/, "");
    if (!/^[\x21-\x7e]{1,15}$/.test(key)) throw new Error("a key");
    const name = `${found.names[namespace]}/${key}`;
    const data = page.subarray(96 + at * 32, 64 + (at + span) * 32);
    if (type !== 0x42 && chunk !== 0xff) throw new Error("a chunk index where none belongs");
    if (namespace === 0) {
      if (type !== 0x01 || found.names[entry[24] as number] !== undefined) throw new Error("a namespace");
      found.names[entry[24] as number] = key;
    } else if (found.names[namespace] === undefined) throw new Error("a value of no namespace");
    else if (type === 0x01) put(found.values, name, { type: "u8", value: view.getUint8(24) });
    else if (type === 0x14) put(found.values, name, { type: "i32", value: view.getInt32(24, true) });
    else if (type === 0x21) {
      const bytes = dataOf(view, data);
      if (bytes.at(-1) !== 0 || bytes.indexOf(0) !== bytes.length - 1) throw new Error("the end of a string");
      put(found.values, name, {
        type: "string",
        value: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, -1)),
      });
    } else if (type === 0x42) found.chunks.set(`${name}#${chunk}`, dataOf(view, data));
    else if (type === 0x48) {
      if (found.blobs.has(name) || entry[29] !== 0) throw new Error("the index of a blob");
      found.blobs.set(name, { size: view.getUint32(24, true), chunks: entry[28] as number });
    } else throw new Error(`type ${type}`);
    at += span;
  }
  for (let i = at; i < 126; i += 1) if (entryState(page, i) !== 3) throw new Error("a gap between entries");
  if (page.subarray(64 + at * 32).some((byte) => byte !== 0xff)) throw new Error("the rest is not erased");
  if ((page[63] as number) >> 4 !== 15) throw new Error("the last bits of the states");
}

/** 3 empty, 2 written, 0 erased. */
function entryState(page: Uint8Array, entry: number): number {
  return ((page[32 + Math.floor(entry / 4)] as number) >> ((entry % 4) * 2)) & 3;
}

function dataOf(entry: DataView, data: Uint8Array): Uint8Array {
  const size = entry.getUint16(24, true);
  if (Math.ceil(size / 32) * 32 !== data.length) throw new Error("span and size differ");
  if (data.subarray(size).some((byte) => byte !== 0xff)) throw new Error("the rest of an entry");
  if (entry.getUint16(26, true) !== 0xffff) throw new Error("reserved bytes of an entry");
  if (entry.getUint32(28, true) !== crc(data.subarray(0, size))) throw new Error("CRC of data");
  return data.subarray(0, size);
}

function put(values: ReadNvs["values"], key: string, value: ReadNvs["values"][string]): void {
  if (key in values) throw new Error(`${key} twice`);
  values[key] = value;
}

function missing(key: string): never {
  throw new Error(`a piece of ${key} is missing`);
}

/** CRC-32 bit by bit, from 0 as `esp_rom_crc32_le(0xffffffff, ...)` begins, inverted at the end. */
function crc(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}
