// SPDX-License-Identifier: MIT
/** CRC-32/ISO-HDLC: the check value of its catalogue entry, and vectors computed with zlib. */
import { expect, test } from "@jest/globals";
import { nodeText } from "../../../simulator/virtual-host";
import { crc32 } from "../../../src/storage/crc32";

test.each([
  ["", 0],
  ["123456789", 0xcbf43926],
  ["a", 0xe8b7be43],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
])("%j", (text, crc) => {
  expect(crc32(nodeText.encode(text))).toBe(crc);
});

test("every byte there is", () => {
  expect(crc32(Uint8Array.from({ length: 256 }, (_, i) => i))).toBe(0x29058c73);
});

test("zeros and ones", () => {
  expect(crc32(new Uint8Array(4))).toBe(0x2144df1c);
  expect(crc32(new Uint8Array(4).fill(0xff))).toBe(0xffffffff);
});
