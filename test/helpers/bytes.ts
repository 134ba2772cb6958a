// SPDX-License-Identifier: MIT
/** Bytes written down as people read them in a specification. */

/** The bytes of hexadecimal digits; white space between them does not count. */
export function hex(digits: string): Uint8Array {
  const packed = digits.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/.test(packed)) throw new Error(`no hexadecimal bytes: ${digits}`);
  return Uint8Array.from(packed.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Lower-case hexadecimal digits, a space between bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `bytes` cut before each of `cuts`, which need not be sorted or unique. */
export function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts, bytes.length].map((edge) => Math.min(edge, bytes.length)).sort((a, b) => a - b);
  const parts: Uint8Array[] = [];
  for (let i = 1; i < edges.length; i += 1) {
    const part = bytes.slice(edges[i - 1], edges[i]);
    if (part.length > 0) parts.push(part);
  }
  return parts;
}
