// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { printable, printableJson } from "../../cli/printable";

const HOSTILE = "a\u001b[2J\u009b31m\r\nb\u202ec\u2028d\u007f\tÅ 🐟";

test("nothing steers the terminal, and the rest stays", () => {
  expect(printable(HOSTILE)).toBe("a\\u001b[2J\\u009b31m\\u000d\\nb\\u202ec\\u2028d\\u007f Å 🐟");
});

test("JSON means the same", () => {
  const json = printableJson(JSON.stringify({ [HOSTILE]: HOSTILE }));
  expect(json).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  expect(JSON.parse(json)).toEqual({ [HOSTILE]: HOSTILE });
});
