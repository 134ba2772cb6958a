// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { memberLines } from "../../emulator/member-lines";

test("lines of members, whatever strings hold", () => {
  const document = `{ "a": [{}, {"b": [{}, {}],
    "text": "[{ \\" \\n a: {"},
  {}
  ], "c": {"a": [{}]},
  "\\u0064": [

    {}], "e": 1}`;
  expect(memberLines(document, ["a", "d", "e", "f"])).toEqual({ a: [1, 1, 3], d: [7], e: [], f: [] });
});

test("of two members of one name the last one counts, as for JSON.parse", () => {
  expect(memberLines('{"a":[{}],\n"a":[\n{}]}', ["a"])).toEqual({ a: [3] });
});
