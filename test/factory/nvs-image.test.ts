// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkPartitionSize, FREE_PAGES, nvsImage } from "../../factory/nvs-image";
import type { NvsNamespace, NvsValue } from "../../factory/nvs-values";
import { hex } from "../helpers/bytes";
import { readNvs } from "../helpers/nvs-reader";
import { testProperty } from "../helpers/seeds";

const SIZE = 0x6000;

function pattern(length: number, factor: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * factor) & 255);
}

function blob(key: string, length: number): NvsValue {
  return { key, type: "blob", value: pattern(length, 1) };
}

function numbers(count: number): NvsValue[] {
  return Array.from({ length: count }, (_, at) => ({ key: `n${at}`, type: "i32", value: at }));
}

/** What the reader must give for `namespaces`. */
function expected(namespaces: readonly NvsNamespace[]) {
  return Object.fromEntries(
    namespaces.flatMap(({ name, values }) =>
      values.map(({ key, type, value }) => [
        `${name}/${key}`,
        { type, value: value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value },
      ]),
    ),
  );
}

describe("the bytes", () => {
  // Laid out by hand after "NVS internals": the structure of a page, of the bitmap, of entries. The CRCs are those
  // that Espressif's esp-idf-nvs-partition-gen 0.2.0 writes for the same table.
  const FIRST_ENTRIES = hex(
    [
      // Header: active, page 0, version 2, 19 reserved bytes, CRC.
      "feffffff 00000000 fe ffffffffffffffffffffffffffffffffffffff 842dbab9",
      // States: four entries written, two bits each.
      `aa ${"ff".repeat(31)}`,
      // Namespace 0, u8, span 1, no chunk, CRC, key, the number of the namespace.
      "00 01 01 ff af52aa1a 62657274682d6964 0000000000000000 01 ffffffffffffff",
      // Namespace 1, string, span 2: 12 bytes with the final zero, reserved, CRC of the data.
      "01 21 02 ff df647066 696453636f706500 0000000000000000 0c00 ffff e5197873",
      `306e653030303030303030 00 ${"ff".repeat(20)}`,
      // Namespace 1, i32.
      "01 14 01 ff f14fc87a 6566757365426c6f 636b000000000000 05000000 ffffffff",
      "ff".repeat(32),
    ].join(""),
  );

  test("of the first entries", () => {
    const image = nvsImage(
      [
        {
          name: "berth-id",
          values: [
            { key: "idScope", type: "string", value: "0ne00000000" },
            { key: "efuseBlock", type: "i32", value: 5 },
          ],
        },
      ],
      0x3000,
    );
    expect(image.bytes.subarray(0, 7 * 32)).toEqual(FIRST_ENTRIES);
    expect(image.bytes).toHaveLength(0x3000);
    expect(image).toMatchObject({ usedPages: 1, freePages: 2 });
  });

  test("of a whole image are those of Espressif's generator", () => {
    const image = nvsImage(
      [
        {
          name: "berth-id",
          values: [
            { key: "idScope", type: "string", value: "0ne00000000" },
            { key: "registrationId", type: "string", value: "dev-1" },
            { key: "certificate", type: "blob", value: pattern(4000, 1) },
            { key: "clientKey", type: "blob", value: pattern(2375, 7) },
            { key: "efuseBlock", type: "i32", value: 5 },
          ],
        },
        {
          name: "berth",
          values: [
            { key: "ssid", type: "string", value: 'café, "5G"' },
            { key: "telemetryEvery", type: "i32", value: 60 },
            { key: "negative", type: "i32", value: -2 },
            { key: "flag", type: "u8", value: 1 },
          ],
        },
      ],
      SIZE,
    );
    // SHA-256 of what esp-idf-nvs-partition-gen 0.2.0 makes of these values: generate TABLE IMAGE 0x6000.
    expect(createHash("sha256").update(image.bytes).digest("hex")).toBe(
      "085cba06794dea8716ea20b19798562a1fb2bb685946d9485d5473a2e0efb180",
    );
  });
});

describe("the places of values", () => {
  test.each<[string, NvsValue[], number]>([
    ["a page full of numbers", numbers(125), 1],
    ["one number more", numbers(126), 2],
    ["the longest string on a page of its own", [{ key: "s", type: "string", value: "x".repeat(3999) }], 2],
    [
      "a string where one entry would stay free",
      [...numbers(121), { key: "s", type: "string", value: "" }],
      1,
    ],
    ["a string that would fill the page", [...numbers(123), { key: "s", type: "string", value: "x" }], 2],
    ["a blob that fills the page but for its index", [blob("b", 124 * 32)], 2],
    ["a blob that fills the page with its index", [blob("b", 123 * 32)], 1],
    ["a blob over two pages", [...numbers(60), blob("b", 4000)], 2],
    ["a blob behind a full page", [...numbers(125), blob("b", 1)], 2],
    ["a blob where one entry is free", [...numbers(124), blob("b", 1)], 2],
    ["as much as there is room for", [blob("a", 4000), blob("b", 4000), blob("c", 4000)], 4],
  ])("%s", (_name, values, pages) => {
    const namespaces = [{ name: "ns", values }];
    const image = nvsImage(namespaces, SIZE);
    expect(readNvs(image.bytes)).toEqual({ values: expected(namespaces), usedPages: pages });
    expect(image.usedPages).toBe(pages);
  });

  test("no value at all is a page with nothing in it", () => {
    expect(readNvs(nvsImage([], SIZE).bytes)).toEqual({ values: {}, usedPages: 1 });
  });

  const key = fc.stringMatching(/^[!-~]{1,15}$/);
  const value = fc.oneof(
    fc.record({
      type: fc.constant("string" as const),
      value: fc.oneof(
        fc.string({ unit: fc.constantFrom("a", "Z", '"', ",", "é", "😀", " "), maxLength: 990 }),
        fc.integer({ min: 3900, max: 3999 }).map((length) => "x".repeat(length)),
      ),
    }),
    fc.record({ type: fc.constant("i32" as const), value: fc.integer() }),
    fc.record({ type: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 1 }) }),
    fc.record({
      type: fc.constant("blob" as const),
      value: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 4000 }).map((length) => pattern(length, 3)),
      ),
    }),
  );
  const namespaces = fc.uniqueArray(
    fc.record({
      name: key,
      values: fc.uniqueArray(
        fc.tuple(key, value).map(([name, rest]) => ({ key: name, ...rest }) as NvsValue),
        { selector: (one) => one.key, maxLength: 8 },
      ),
    }),
    { selector: ({ name }) => name, maxLength: 3 },
  );
  testProperty(
    "an independent reader finds every value",
    200,
    fc.property(namespaces, fc.integer({ min: 0, max: 125 }), (given, fill) => {
      // A first namespace moves the rest over the end of a page.
      const all = [{ name: "fill", values: numbers(fill) }, ...given.filter(({ name }) => name !== "fill")];
      // 40 pages take whatever was made up.
      const { bytes, usedPages, freePages } = nvsImage(all, 40 * 4096);
      expect(usedPages + freePages).toBe(40);
      expect(readNvs(bytes)).toEqual({ values: expected(all), usedPages });
    }),
  );
});

describe("every byte counts", () => {
  const namespaces: NvsNamespace[] = [
    {
      name: "ns",
      values: [{ key: "s", type: "string", value: "text" }, blob("b", 4000), ...numbers(3)],
    },
  ];
  const { bytes } = nvsImage(namespaces, SIZE);
  testProperty(
    "a changed one is noticed by the reader",
    300,
    fc.property(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ change;
      expect(() => readNvs(changed)).toThrow();
    }),
  );
});

describe("refused are", () => {
  const one = (value: unknown): NvsNamespace[] => [{ name: "ns", values: [value as NvsValue] }];

  test("values that leave too few pages free", () => {
    const values = Array.from({ length: 5 }, (_, at) => blob(`b${at}`, 3999));
    expect(() => nvsImage([{ name: "ns", values }], SIZE)).toThrow(
      `need 6 pages of NVS; the partition has 6, of which ${FREE_PAGES} must stay free`,
    );
    expect(nvsImage([{ name: "ns", values }], 8 * 4096).freePages).toBe(2);
  });

  test.each([0, 4096, 8192, 12_289, 0.5, Number.NaN])("a partition of %p bytes", (size) => {
    expect(() => checkPartitionSize(size)).toThrow("multiple of 4096 bytes, 12288 at least");
    expect(() => nvsImage([], size)).toThrow("multiple of 4096");
  });

  test.each<[string, NvsNamespace[], string]>([
    ["a name too long", [{ name: "n".repeat(16), values: [] }], "no namespace of NVS"],
    ["an empty name", [{ name: "", values: [] }], "no namespace of NVS"],
    ["a namespace twice", [1, 2].map(() => ({ name: "ns", values: [] })), '"ns" is there twice'],
    ["a key too long", one({ key: "k".repeat(16), type: "i32", value: 1 }), "no key of ns of NVS"],
    ["a key of another alphabet", one({ key: "ké", type: "i32", value: 1 }), "printable ASCII"],
    ["a key twice", [{ name: "ns", values: [...numbers(1), ...numbers(1)] }], '"n0" is there twice'],
    ["a string too long", one({ key: "k", type: "string", value: "é".repeat(2000) }), "has 4000 bytes"],
    ["a line end", one({ key: "k", type: "string", value: "secret\n" }), "k has a control character"],
    ["a zero", one({ key: "k", type: "string", value: "a\0b" }), "k has a control character"],
    ["half a character", one({ key: "k", type: "string", value: "\ud800" }), "k has a control character"],
    ["an empty blob", one({ key: "k", type: "blob", value: new Uint8Array() }), "k has 0 bytes"],
    ["a blob too long", one(blob("k", 4001)), "k has 4001 bytes"],
    ["a number too large", one({ key: "k", type: "i32", value: 2 ** 31 }), "k is no whole number"],
    ["a fraction", one({ key: "k", type: "i32", value: 0.5 }), "k is no whole number"],
    ["a flag that is none", one({ key: "k", type: "u8", value: 2 }), "from 0 to 1"],
  ])("%s", (_name, namespaces, message) => {
    expect(() => nvsImage(namespaces, SIZE)).toThrow(message);
    expect(() => nvsImage(namespaces, SIZE)).not.toThrow("secret");
  });
});
