// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { nvsPartitionOf, SDK_NVS_PARTITION } from "../../factory/partition";

const FILE = "firmware/partitions.csv";
const FLASH = 4 * 1024 * 1024;
/** Of ESP-IDF: behind the table itself. */
const FIRST = 0x9000;
const SUBTYPES: Readonly<Record<string, readonly string[]>> = {
  app: ["factory"],
  data: ["nvs", "phy", "undefined"],
};

test("the partition table is one that ESP-IDF takes: no gap in 4 MB, an app on 64 KiB, all else on sectors", () => {
  const table = readFileSync(FILE, "utf8");
  const rows = table.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  let end = FIRST;
  for (const row of rows) {
    const [name = "", type = "", subType = "", offset, size, flags, ...more] = row
      .split(",")
      .map((s) => s.trim());
    expect({ name, flags, more }).toEqual({ name: expect.stringMatching(/^\w{1,16}$/), flags: "", more: [] });
    expect(SUBTYPES[type]).toContain(subType);
    expect(`${offset} ${size}`).toMatch(/^0x[0-9a-f]+ 0x[0-9a-f]+$/i);
    expect(Number(offset)).toBe(end);
    expect(Number(offset) % (type === "app" ? 0x10000 : 0x1000)).toBe(0);
    expect(Number(size) % 0x1000).toBe(0);
    end += Number(size);
  }
  expect(end).toBe(FLASH);
  expect(rows.filter((row) => row.startsWith("outbox,"))).toHaveLength(1);
  expect(nvsPartitionOf(table, FILE)).toEqual(SDK_NVS_PARTITION);
});
