// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { nvsPartitionOf, SDK_NVS_PARTITION } from "../../factory/partition";

const HEADER = "# Name,   Type, SubType, Offset,  Size, Flags\n";

test.each<[string, string, number, number]>([
  ["as the SDK writes it", "nvs,      data, nvs,     0x9000,  0x006000,\n", 0x9000, 0x6000],
  ["with units", "nvs,data,nvs,36K,1M\r\n", 36 * 1024, 1024 * 1024],
  ["with numbers for types", "nvs,0x01,0x02,0x11000,24576\n", 0x11000, 24_576],
  [
    "behind others",
    "nvs_keys, data, nvs_keys, 0x8000, 0x1000, encrypted\nnvs, data, nvs, 0xA000, 0x4000\n",
    0xa000,
    0x4000,
  ],
])("the partition nvs %s", (_name, lines, offset, size) => {
  expect(nvsPartitionOf(HEADER + lines, "p.csv")).toEqual({ offset, size });
});

test("the SDK's own is that of its tables", () => {
  expect(SDK_NVS_PARTITION).toEqual({ offset: 0x9000, size: 0x6000 });
});

test.each<[string, string, string]>([
  ["none", "factory, app, factory, 0x10000, 0x3F0000\n", "there is no line"],
  ["another name", "data, data, nvs, 0x9000, 0x6000\n", "there is no line"],
  ["no offset", "nvs, data, nvs, , 0x6000\n", 'the offset of nvs is ""'],
  ["no size", "nvs, data, nvs, 0x9000\n", 'the size of nvs is ""'],
  ["flash encryption", "nvs, data, nvs, 0x9000, 0x6000, encrypted\n", "'encrypted'"],
])("%s is refused by name", (_name, lines, message) => {
  expect(() => nvsPartitionOf(HEADER + lines, "p.csv")).toThrow("p.csv");
  expect(() => nvsPartitionOf(HEADER + lines, "p.csv")).toThrow(message);
});
