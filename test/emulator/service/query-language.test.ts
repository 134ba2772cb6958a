// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { JsonObject } from "../../../emulator/json-reader";
import { parseQuery, QueryError, valueAt } from "../../../emulator/service/hub/query-language";

const DEVICE: JsonObject = {
  deviceId: "kitchen-1",
  status: "enabled",
  tags: { floor: 2, room: "kitchen", "the room": "big", empty: null, list: [1, 2] },
  properties: { reported: { firmware: { version: "1.10" }, on: true, level: -1.5 } },
};

const fits = (condition: string) =>
  parseQuery(`SELECT * FROM devices WHERE ${condition}`).where((path) => valueAt(DEVICE, path));

test.each([
  "status = 'enabled'",
  'status = "enabled"',
  "devices.status = 'enabled'",
  "tags.floor >= 2 AND tags.floor <= 2 and tags.floor <> 3",
  "tags.floor = 3 OR tags.room = 'kitchen'",
  "NOT tags.floor = 3",
  "(tags.floor = 3 OR tags.floor = 2) AND status != 'disabled'",
  "tags.room IN ['hall', 'kitchen']",
  "tags.room NOT IN ('hall')",
  "tags.room NIN ['hall']",
  "tags.['the room'] = 'big'",
  "tags[[the room]] = 'big'",
  "properties.reported.level < 0",
  "properties.reported.level = -1.5",
  "properties.reported.on",
  "properties.reported.on = true",
  "properties.reported.firmware.version = '1.10'",
  "IS_DEFINED(tags.room) AND NOT IS_DEFINED(tags.none)",
  "is_defined(properties.reported)",
  "tags.empty = null AND IS_NULL(tags.empty)",
  "IS_NUMBER(tags.floor) AND IS_STRING(tags.room) AND IS_ARRAY(tags.list) AND IS_OBJECT(tags)",
  "STARTSWITH(deviceId, 'kit') AND ENDSWITH(deviceId, '-1') AND CONTAINS(deviceId, 'chen')",
])("fits: %s", (condition) => expect(fits(condition)).toBe(true));

test.each([
  "tags.none = 1",
  "tags.none != 1",
  "NOT tags.none",
  "tags.floor = '2'",
  "tags.floor > 'a'",
  "tags.room = 'Kitchen'",
  "tags.none NOT IN ['x']",
  "STARTSWITH(tags.floor, '2')",
  "constructor = 1",
  "IS_DEFINED(tags.__proto__)",
])("does not fit: %s", (condition) => expect(fits(condition)).toBe(condition.startsWith("NOT")));

test("fields, aliases, TOP and aggregates", () => {
  const { select, top } = parseQuery("SELECT TOP 5 deviceId, tags.room AS place FROM devices");
  expect(top).toBe(5);
  expect(select.kind === "fields" && select.fields.map(({ name }) => name)).toEqual(["deviceId", "place"]);
  const sums = parseQuery("SELECT COUNT() AS n, AVG(tags.floor), MAX(tags.none) AS m FROM devices").select;
  const all = [(path: readonly string[]) => valueAt(DEVICE, path)];
  expect(sums.kind === "aggregates" && sums.aggregates.map(({ name, over }) => [name, over(all)])).toEqual([
    ["n", 1],
    ["avg", 2],
    ["m", null],
  ]);
});

test.each([
  ["", "SELECT is wanted"],
  ["SELECT * FROM devices.modules", "only FROM devices"],
  ["SELECT * FROM devices WHERE", "a property, a value or ( is wanted"],
  ["SELECT * FROM devices WHERE a = 'x", "cannot be read from character"],
  ["SELECT * FROM devices WHERE a = 1 b", "nothing that is served begins like this"],
  ["SELECT * FROM devices GROUP BY a", "nothing that is served begins like this"],
  ["SELECT a, COUNT() FROM devices", "GROUP BY"],
  ["SELECT * FROM devices WHERE ABS(a) = 1", "the function ABS is not served"],
  ["SELECT CONSTRUCTOR(a) FROM devices", "is no aggregate"],
  [`SELECT * FROM devices WHERE ${"(".repeat(200)}`, "nests too deep"],
  [`SELECT ${" ".repeat(5000)}`, "at most 4096"],
])("refuses %j", (query, problem) => {
  expect(() => parseQuery(query)).toThrow(QueryError);
  expect(() => parseQuery(query)).toThrow(problem);
});

test("whatever is asked, it is understood or refused as a query", () => {
  const word = fc.constantFrom(
    ..."SELECT * FROM devices WHERE AND OR NOT IN NIN TOP AS COUNT ( ) [ ] , . = != < >= 'a' 1 -1.5 tags null".split(
      " ",
    ),
  );
  const text = fc.oneof(
    fc.array(word, { maxLength: 40 }).map((words) => words.join(" ")),
    fc.array(word, { maxLength: 40 }).map((words) => `SELECT * FROM devices WHERE ${words.join(" ")}`),
    fc.string({ maxLength: 200, unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (query) => {
      try {
        parseQuery(query).where((path) => valueAt(DEVICE, path));
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
