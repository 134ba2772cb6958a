// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { mergePatch } from "../../../../emulator/hub/twin";
import { checkPatch, mergePatches } from "../../../../src/azure/hub/twin-patch";
import { testProperty } from "../../../helpers/seeds";
import { thrownCode } from "../../../helpers/thrown";

function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? { a: 1 } : { a: nested(levels - 1) };
}

// "Understand and use device twins in IoT Hub", and reports of what the service refuses.
test.each([
  ["a.b", { "a.b": 1 }],
  ["a blank", { "a b": 1 }],
  ["$", { a: { b$c: 1 } }],
  ["#", { "a#": 1 }],
  ["a control character", { "a\u0001": 1 }],
  ["a C1 control character", { "a\u0085": 1 }],
  ["an empty key", { "": 1 }],
  ["a key over 1 KB", { ["k".repeat(1_025)]: 1 }],
  ["a key over 1 KB in UTF-8", { ["\u00e9".repeat(513)]: 1 }],
  ["a string over 4 KB", { a: "x".repeat(4_097) }],
  ["a string over 4 KB in an array", { a: [["x".repeat(4_097)]] }],
  ["11 levels", nested(11)],
  ["levels of arrays", { a: [[[[[[[[[[1]]]]]]]]]] }],
  ["a function", { a: () => 1 }],
  ["undefined", { a: undefined }],
  ["not a number", { a: Number.NaN }],
  ["a lone surrogate", { a: "\ud800".repeat(2_000) }],
])("refuses %s", (_, patch) => {
  expect(thrownCode(() => checkPatch(patch))).toBe("invalid-argument");
});

test.each([
  [{}],
  [{ ["k".repeat(1_024)]: "x".repeat(4_096) }],
  [nested(10)],
  [{ a: null, b: [1, "2", null, { c: true }], __proto__x: 1, "ä-_:": 1.5 }],
])("takes what the hub takes", (patch) => {
  expect(thrownCode(() => checkPatch(patch))).toBe("none");
});

test("a key like __proto__ stays a key", () => {
  const merged = mergePatches(JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"b":2}}'));
  expect(JSON.stringify(merged)).toBe('{"__proto__":{"a":1,"b":2}}');
  expect(({} as Record<string, unknown>).b).toBeUndefined();
});

test.each([
  [{ a: null }, { a: {} }],
  [{ a: 1 }, { a: { b: 1 } }],
  [{ a: { b: [] } }, { a: { b: { c: 1 } } }],
])("no one patch does what %j and then %j do", (first, second) => {
  expect(mergePatches(first, second)).toBeUndefined();
  expect(mergePatches({}, second)).toEqual(second);
});

const name = fc.constantFrom("a", "b", "c");
const leaf = fc.oneof(fc.nat(9), fc.constant(null), fc.array(fc.nat(3), { maxLength: 2 }));
const inner = fc.dictionary(name, leaf);
const patch = fc.dictionary(name, fc.oneof(leaf, inner, fc.dictionary(name, inner)));

testProperty(
  "two patches as one change a twin as the one after the other does, where there is one",
  2_000,
  fc.property(patch, patch, patch, (twin, first, second) => {
    const twins = mergePatch({}, twin as never);
    const both = mergePatches(first, second);
    if (!both) return;
    const together = mergePatch(twins, both as never);
    expect(together).toEqual(mergePatch(mergePatch(twins, first as never), second as never));
  }),
);
