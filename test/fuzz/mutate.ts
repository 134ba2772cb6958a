// SPDX-License-Identifier: MIT
import type { Random } from "./random";

/** Bytes on which parsers decide: lengths, continuation bits, separators, UTF-8 that is ill-formed. */
const INTERESTING = Object.freeze([
  0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf4, 0xff, 0x20, 0x30, 0x32, 0x3a, 0x40, 0x90, 0xb0, 0xd0,
  0x22, 0x25, 0x26, 0x2b, 0x23, 0x2f, 0x3d, 0x3f, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
]);
/** Numbers on which they decide, in digits. */
const NUMBERS = Object.freeze(
  [
    "0",
    "-1",
    "1",
    "9",
    "99",
    "100",
    "255",
    "256",
    "599",
    "600",
    "65535",
    "65536",
    "86400",
    "4294967296",
    "1e99",
  ].map(bytesOf),
);
/** The longest input, bytes. */
export const LONGEST = 4_096;

/** What the mutations are made of. */
export interface Material {
  /** Another sample of the corpus. */
  readonly other: Uint8Array;
  /** Words of the format. */
  readonly tokens: readonly Uint8Array[];
}

/** The bytes of `word`, a character a byte. */
export function bytesOf(word: string): Uint8Array {
  return Uint8Array.from(word, (character) => character.charCodeAt(0));
}

/** `sample` with 1 to 8 changes, at most `LONGEST` bytes. The same for the same `random`. */
export function mutate(sample: Uint8Array, material: Material, random: Random): Uint8Array {
  let bytes = sample;
  // One change mostly: what has many changes at once seldom goes further than what it came from.
  for (let changes = 1 + random.below(1 + random.below(8)); changes > 0; changes -= 1) {
    bytes = change(bytes, material, random).subarray(0, LONGEST);
  }
  return bytes.slice();
}

function change(bytes: Uint8Array, { other, tokens }: Material, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const count = 1 + random.below(16);
  switch (random.below(14)) {
    case 0:
      return set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
    case 1:
      return set(bytes, at, random.pick(INTERESTING));
    case 2:
      return set(bytes, at, random.below(256));
    case 3:
      return set(bytes, at, (bytes[at] ?? 0) + random.below(33) - 16);
    case 4:
      return splice(bytes, at, 0, Uint8Array.of(random.pick(INTERESTING)));
    case 5:
      return splice(bytes, at, count, NOTHING);
    case 6:
      return bytes.subarray(0, at);
    case 7:
      return splice(bytes, at, 0, bytes.subarray(at, at + count));
    case 8: {
      // A long run, as of a length that is claimed and kept.
      return splice(bytes, at, 0, new Uint8Array(1 << random.below(12)).fill(bytes[at] ?? 0x61));
    }
    case 9: {
      const from = random.below(other.length + 1);
      return splice(bytes, at, random.below(2) * count, other.subarray(from, from + count * 4));
    }
    case 10:
      return splice(bytes, bytes.length, 0, other);
    case 11: {
      const digits = numberAt(bytes, at);
      return splice(bytes, digits.start, digits.length, random.pick(NUMBERS));
    }
    case 12: {
      if (tokens.length === 0) return set(bytes, at, 0);
      return splice(bytes, at, 0, random.pick(tokens));
    }
    default: {
      if (tokens.length === 0) return splice(bytes, at, count, NOTHING);
      const token = random.pick(tokens);
      return splice(bytes, at, token.length, token);
    }
  }
}

const NOTHING = new Uint8Array(0);

/** Behind the last one it is one more. */
function set(bytes: Uint8Array, at: number, value: number): Uint8Array {
  return splice(bytes, at, 1, Uint8Array.of(value));
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const rest = bytes.subarray(at + removed);
  const spliced = new Uint8Array(at + added.length + rest.length);
  spliced.set(bytes.subarray(0, at));
  spliced.set(added, at);
  spliced.set(rest, at + added.length);
  return spliced;
}

/** The digits around or behind `at`; none there: an empty place. */
function numberAt(bytes: Uint8Array, at: number): { start: number; length: number } {
  const isDigit = (i: number): boolean => (bytes[i] ?? 0) >= 0x30 && (bytes[i] ?? 0) <= 0x39;
  let start = at;
  while (start < bytes.length && !isDigit(start)) start += 1;
  if (start >= bytes.length) return { start: at, length: 0 };
  while (start > 0 && isDigit(start - 1)) start -= 1;
  let end = start;
  while (isDigit(end)) end += 1;
  return { start, length: end - start };
}
