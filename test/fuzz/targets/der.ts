// SPDX-License-Identifier: MIT
/** DER whose lengths are made to fit (X.690, section 8.1.3): so that a mutation inside does not end at the outside. */

/** Deeper than a certificate goes. */
const DEEPEST = 12;
const CONSTRUCTED = 0x20;
const OCTET_STRING = 0x04;

/** `bytes` read as elements, each as long as it says or as what is left, and written again with lengths that fit. */
export function withFittingLengths(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(elements(bytes, 0));
}

function elements(bytes: Uint8Array, depth: number): number[] {
  const written: number[] = [];
  let at = 0;
  while (at + 1 < bytes.length) {
    const tag = bytes[at] as number;
    const { start, length } = lengthAt(bytes, at + 1);
    const content = bytes.subarray(start, Math.min(bytes.length, start + length));
    // The value of an extension is DER inside an OCTET STRING.
    const nested = (tag & CONSTRUCTED) !== 0 || (tag === OCTET_STRING && content[0] === 0x30);
    const inner = nested && depth < DEEPEST ? elements(content, depth + 1) : Array.from(content);
    written.push(tag, ...lengthBytes(inner.length));
    for (const byte of inner) written.push(byte);
    at = start + content.length;
  }
  return written;
}

function lengthAt(bytes: Uint8Array, at: number): { start: number; length: number } {
  const first = bytes[at] as number;
  if (first < 0x80) return { start: at + 1, length: first };
  const count = Math.min(first & 0x7f, 3);
  let length = 0;
  for (let i = 1; i <= count; i += 1) length = (length << 8) | (bytes[at + i] ?? 0);
  return { start: at + 1 + count, length };
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}
