// SPDX-License-Identifier: MIT
import type { Random } from "./random";

/** Bytes on which parsers decide: lengths, continuation bits, separators, UTF-8 that is ill-formed. */
const INTERESTING = Object.freeze([
  0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf4, 0xff, 0x20, 0x30, 0x32, 0x3a, 0x40, 0x90, 0xb0, 0xd0,
  0x22, 0x25, 0x26, 0x2b, 0x23, 0x2f, 0x3d, 0x3f, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
]);
const LONGEST = 4_096;

/** `seed` with 1 to 8 changes: bits, bytes, cuts, repeats, and pieces of `other`. */
export function mutate(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = [...seed];
  for (let changes = 1 + random.below(8); changes > 0; changes -= 1) bytes = change(bytes, other, random);
  return Uint8Array.from(bytes.slice(0, LONGEST));
}

function change(bytes: number[], other: Uint8Array, random: Random): number[] {
  const at = random.below(bytes.length + 1);
  const count = 1 + random.below(16);
  switch (random.below(8)) {
    case 0:
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
    case 1:
      return bytes.map((byte, i) => (i === at ? random.pick(INTERESTING) : byte));
    case 2:
      return [...bytes.slice(0, at), random.pick(INTERESTING), ...bytes.slice(at)];
    case 3:
      return [...bytes.slice(0, at), ...bytes.slice(at + count)];
    case 4:
      return bytes.slice(0, at);
    case 5:
      return [...bytes.slice(0, at), ...bytes.slice(at, at + count), ...bytes.slice(at)];
    case 6: {
      const from = random.below(other.length + 1);
      return [...bytes.slice(0, at), ...other.slice(from, from + count * 4), ...bytes.slice(at)];
    }
    default:
      return [...bytes, ...other];
  }
}
