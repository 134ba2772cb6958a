// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { DocumentError, parseJson, readJson } from "../../emulator/json-reader";
import { JSON_OBJECT, list, maybe, object } from "../../emulator/shapes";

const nested = (levels: number) => JSON.parse(`${'{"a":['.repeat(levels / 2)}${"]}".repeat(levels / 2)}`);
const SHAPE = object({ of: list(object({ payload: maybe(JSON_OBJECT) }, "all")) });

test("an object that could not be written again is refused at its place, arrays counted", () => {
  expect(readJson(SHAPE, { of: [{ payload: nested(64) }] }, "doc")).toEqual({
    of: [{ payload: nested(64) }],
  });
  for (const levels of [66, 200_000]) {
    // Parsing is the engine's, which has its own limit.
    const deep = { of: [{}, { payload: levels > 1_000 ? chain(levels) : nested(levels) }] };
    expect(() => readJson(SHAPE, deep, "doc")).toThrow("doc: of[1].payload nests more than 64 levels");
  }
});

function chain(levels: number): object {
  let inner: object = {};
  for (let level = 0; level < levels; level++) inner = level % 2 === 0 ? [inner] : { inner };
  return { inner };
}

test("an error has its place as a field, and the first is told", () => {
  const failing = () => readJson(SHAPE, parseJson('{"of":[{"payload":[]},7]}', "doc"), "doc");
  expect(failing).toThrow(DocumentError);
  expect(failing).toThrow(
    expect.objectContaining({ path: "of[0].payload", message: "doc: of[0].payload must be an object" }),
  );
});
