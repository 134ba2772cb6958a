// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { efuseImage } from "../../../../../hosts/moddable/scripts/qemu/efuse-image";

const KEY = Buffer.from("00112233445566778899aabbccddeeff".repeat(2), "hex");

test("a chip of revision 0.3 with an address, as ESP-IDF's own eFuses for QEMU have it", () => {
  const image = Buffer.from(efuseImage());
  expect(image.length).toBe(1024);
  // Byte 38 of the file that `idf.py qemu` makes.
  expect(image[38]).toBe(0x0c);
  expect(image.subarray(24, 30).toString("hex")).toBe("0100004d4502");
  expect(image.subarray(0, 24).every((byte) => byte === 0)).toBe(true);
});

test.each([
  [0, 8, "00000008", 0x70],
  [1, 8, "00000080", 0x90],
  [2, 12, "08000000", 0xb0],
  [4, 12, "00080000", 0xf0],
  [5, 12, "00800000", 0x110],
])("KEY%d: its purpose is HMAC_UP, at %d %s", (block, register, purpose, at) => {
  const image = Buffer.from(efuseImage({ block, key: KEY }));
  expect(image.subarray(register, register + 4).toString("hex")).toBe(purpose);
  expect(image.subarray(at, at + 32)).toEqual(KEY);
  // Nothing is protected from being read.
  expect(image.readUInt32LE(4)).toBe(0);
});

test("blocks and keys that there are not", () => {
  for (const block of [-1, 6, 1.5]) expect(() => efuseImage({ block, key: KEY })).toThrow(RangeError);
  expect(() => efuseImage({ block: 0, key: Buffer.alloc(33) })).toThrow(RangeError);
});
