// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import {
  FLASH_SIZE,
  flashImage,
  placesOf,
  readParts,
} from "../../../../../hosts/moddable/scripts/qemu/flash-image";
import { readPartitionTable } from "../../../../../hosts/moddable/scripts/qemu/partition-table";

/** Entries of `gen_esp32part.py` for the SDK's table of ESP32-C3, and the end that it fills up. */
const TABLE = Buffer.concat([
  Buffer.from("aa50010200900000006000006e767300000000000000000000000000000000000000", "hex").subarray(0, 32),
  Buffer.from("aa50010100f000000010000070687900000000000000000000000000000000000000", "hex").subarray(0, 32),
  Buffer.from("aa5000000000010000003f00666163746f72790000000000000000000000000000000", "hex").subarray(0, 32),
  Buffer.alloc(64, 0xff),
]);
const PARTS = { bootloader: Buffer.from("boot"), table: TABLE, app: Buffer.from("app") };

test("the table is read to its end", () => {
  expect(readPartitionTable(TABLE)).toEqual([
    { name: "nvs", type: 1, subtype: 2, offset: 0x9000, size: 0x6000 },
    { name: "phy", type: 1, subtype: 1, offset: 0xf000, size: 0x1000 },
    { name: "factory", type: 0, subtype: 0, offset: 0x10000, size: 0x3f0000 },
  ]);
  expect(() => readPartitionTable(Buffer.alloc(32))).toThrow(/no partition table/);
});

test("each part lies at its place, the rest is erased", () => {
  const flash = flashImage(PARTS, Buffer.from("nvs!"));
  const text = (at: number, length: number) => Buffer.from(flash).toString("latin1", at, at + length);
  expect(flash.length).toBe(FLASH_SIZE);
  expect(text(0, 5)).toBe("boot\xff");
  expect(Buffer.from(flash.subarray(0x8000, 0x8000 + TABLE.length))).toEqual(TABLE);
  expect(text(0x9000, 5)).toBe("nvs!\xff");
  expect(text(0x10000, 4)).toBe("app\xff");
  expect(
    Buffer.from(flashImage(PARTS, undefined))
      .subarray(0x9000, 0xf000)
      .every((byte) => byte === 0xff),
  ).toBe(true);
});

test.each([
  ["the bootloader", { bootloader: Buffer.alloc(0x8001) }, 0],
  ["the app", { app: Buffer.alloc(0x3f0001) }, 0],
  ["the NVS image", {}, 0x6001],
])("%s that does not fit is named", (what, parts, nvs) => {
  const make = () => flashImage({ ...PARTS, ...parts }, Buffer.alloc(nvs));
  expect(make).toThrow(new RegExp(`^${what} has \\d+ bytes, its place in flash \\d+$`));
});

test("a table without an app, or without NVS, is named", () => {
  expect(() => placesOf(TABLE.subarray(0, 64))).toThrow("the partition table has no app");
  expect(() => placesOf(TABLE.subarray(32))).toThrow("the partition table has no nvs");
});

test("a part that the build has not left is named", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-parts-"));
  writeFileSync(join(directory, "bootloader.bin"), "boot");
  expect(() => readParts(directory)).toThrow(/left no partition-table\.bin in/);
  rmSync(directory, { recursive: true });
});
