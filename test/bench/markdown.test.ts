// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { ratio, table, whole } from "../../bench/markdown";

test("the first column is flush left, the others are flush right, short rows are filled up", () => {
  expect(table(["", "a"], [["x", "1,000"], ["long"]])).toBe(
    ["|      |     a |", "| ---- | ----: |", "| x    | 1,000 |", "| long |       |"].join("\n"),
  );
});

test("a figure that is missing stays empty", () => {
  expect([whole(undefined), whole(1234.5), whole(0)]).toEqual(["", "1,235", "0"]);
  expect([ratio(1, undefined), ratio(undefined, 1), ratio(1, 0), ratio(1, 8)]).toEqual(["", "", "", "0.125"]);
});
