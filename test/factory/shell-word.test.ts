// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { shellPath, shellWord } from "../../factory/shell-word";

test.each([
  ["out/dev-1.bin", "out/dev-1.bin"],
  ["a b", "'a b'"],
  ["it's", "'it'\\''s'"],
  ["$(x)", "'$(x)'"],
  ["", "''"],
])("%p is %p for a shell", (word, quoted) => {
  expect(shellWord(word)).toBe(quoted);
});

test("a path never reads as an option", () => {
  expect(["-out", "--a b", "a-b", "/-x"].map(shellPath)).toEqual(["./-out", "'./--a b'", "a-b", "/-x"]);
});
