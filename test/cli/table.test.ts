// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { fields, table } from "../../cli/table";

const ROWS = [
  { id: "a", inner: { state: "on" }, text: "one" },
  { id: "long-name", inner: {}, text: "\u001b[2J" },
];

test("rows stand under their columns, and nothing in them steers a terminal", () => {
  expect(table(ROWS, ["id", "inner.state", "text"])).toEqual([
    "id         state  text",
    "a          on     one",
    "long-name  -      \\u001b[2J",
  ]);
  expect(table([], ["id"])).toEqual(["(none)"]);
});

test("where they are too wide, a line a field", () => {
  expect(table(ROWS.slice(0, 1), ["id", "inner.state"], 5)).toEqual(["id     a", "state  on"]);
});

test("fields by their path", () => {
  const value = { a: 1, b: { c: [1, 2], $metadata: { x: 1 }, empty: null } };
  expect(fields(value)).toEqual(["a        1", "b.c      [1,2]", "b.empty  -"]);
  expect(fields([])).toEqual(["  []"]);
});
