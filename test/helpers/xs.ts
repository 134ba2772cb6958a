// SPDX-License-Identifier: MIT
/** Tests that need the XS engine. */
import { test } from "@jest/globals";
import { type Engine, openEngine, tryEngine } from "../../hosts/xs/engine";

/** The engine; a build of it takes a while. */
export function engine(): Promise<Engine> {
  return openEngine();
}

const available = await tryEngine((line) => console.warn(line));

/** A test that is skipped, visibly, where there is no engine; in CI its absence is an error. */
export const withEngine = available ? test : test.skip;

/** `withEngine` for each row of a table. */
export const withEngineEach = withEngine.each;
