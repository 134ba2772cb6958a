// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { nvsCsv } from "../../factory/nvs-csv";
import { testProperty } from "../helpers/seeds";

test("it is the table of Espressif's generator", () => {
  // "NVS Partition Generator Utility", CSV File Format: the columns, namespace rows, encodings.
  const table = nvsCsv([
    {
      name: "berth-id",
      values: [
        { key: "idScope", type: "string", value: "0ne00000000" },
        { key: "efuseBlock", type: "i32", value: 3 },
        { key: "root", type: "blob", value: Uint8Array.of(0, 1, 255) },
      ],
    },
    {
      name: "berth",
      values: [
        { key: "ssid", type: "string", value: 'a,"b"' },
        { key: "password", type: "string", value: "" },
        { key: "flag", type: "u8", value: 1 },
      ],
    },
  ]);
  expect(table).toBe(`key,type,encoding,value
berth-id,namespace,,
idScope,data,string,0ne00000000
efuseBlock,data,i32,3
root,data,base64,AAH/
berth,namespace,,
ssid,data,string,"a,""b"""
password,data,string,
flag,data,u8,1
`);
});

testProperty(
  "a reader of CSV gets every string back",
  200,
  fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (value) => {
    fc.pre(!/\p{Cc}|\p{Cs}/u.test(value));
    const table = nvsCsv([{ name: "ns", values: [{ key: "k", type: "string", value }] }]);
    expect(parse(table)[2]).toEqual(["k", "data", "string", value]);
  }),
);

test("what NVS does not take is refused", () => {
  const value = { key: "k", type: "string" as const, value: "a\r\nb" };
  expect(() => nvsCsv([{ name: "ns", values: [value] }])).toThrow("k has a control character");
});
