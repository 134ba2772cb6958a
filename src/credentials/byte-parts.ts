// SPDX-License-Identifier: MIT
/** Byte strings one after the other, each behind its length in two bytes, big-endian. */
import { invalidArgument } from "../error";

const LONGEST = 0xffff;

/** @throws BerthError `invalid-argument` for a part over 65,535 bytes */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of parts) {
    if (length > LONGEST) throw invalidArgument(`a part of ${length} bytes; ${LONGEST} at most`);
    size += 2 + length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes[at] = part.length >> 8;
    bytes[at + 1] = part.length & 0xff;
    bytes.set(part, at + 2);
    at += 2 + part.length;
  }
  return bytes;
}

/** Copies of the parts in `bytes`; undefined where they do not end where `bytes` do. */
export function splitParts(bytes: Uint8Array): Uint8Array[] | undefined {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + 2;
    at = start + (((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0));
    if (at > bytes.length) return undefined;
    parts.push(bytes.slice(start, at));
  }
  return parts;
}
