// SPDX-License-Identifier: MIT
/** Well-formed UTF-8 by table 3-7 of the Unicode Standard; inside XS the decoder under it is the one with the gap. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkDecoded } from "../../src/utf8";
import { testProperty } from "../helpers/seeds";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  return checkDecoded(decoder.decode(bytes), bytes);
}

function isTaken(...bytes: readonly number[]): boolean {
  try {
    decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

test("every second byte behind the leads that bound it", () => {
  for (let second = 0; second < 256; second += 1) {
    const continues = second >= 0x80 && second <= 0xbf;
    expect([second, isTaken(0xe0, second, 0x80)]).toEqual([second, continues && second >= 0xa0]);
    expect([second, isTaken(0xed, second, 0x80)]).toEqual([second, continues && second <= 0x9f]);
    expect([second, isTaken(0xf0, second, 0x80, 0x80)]).toEqual([second, continues && second >= 0x90]);
    expect([second, isTaken(0xf4, second, 0x80, 0x80)]).toEqual([second, continues && second <= 0x8f]);
  }
});

test("found by fuzzing on XS: a lone surrogate out of ED 61 81", () => {
  expect(isTaken(0x61, 0xed, 0x61, 0x81, 0x61)).toBe(false);
  // Behind one that is well-formed.
  expect(isTaken(0xed, 0x80, 0x80, 0xed, 0x41, 0x81)).toBe(false);
});

test("a cut sequence, and the byte order mark as data", () => {
  expect(isTaken(0xed)).toBe(false);
  expect(isTaken(0xf4, 0x80, 0x80)).toBe(false);
  expect(decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  expect(decode(new Uint8Array(0))).toBe("");
});

testProperty(
  "what is taken is what the text is written as",
  500,
  fc.property(
    fc.array(fc.oneof(fc.constantFrom(0xed, 0xf4, 0x61, 0x80, 0x8f, 0x9f, 0xbf), fc.nat(255)), {
      maxLength: 12,
    }),
    (bytes) => {
      if (!isTaken(...bytes)) return;
      const text = decode(Uint8Array.from(bytes));
      expect([...new TextEncoder().encode(text)]).toEqual(bytes);
    },
  ),
);
