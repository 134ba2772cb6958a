// SPDX-License-Identifier: MIT
/** mcconfig compiles the library with the options of the app that includes it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const tsc = join("node_modules", ".bin", "tsc");

test.each([
  "--strict false",
  "--verbatimModuleSyntax false --erasableSyntaxOnly false --isolatedModules false",
  "--noUncheckedIndexedAccess",
  "--exactOptionalPropertyTypes",
  "--target es2024",
])("what an image is made of compiles with %s", (options) => {
  const { stdout, status } = spawnSync(tsc, ["-p", "firmware", ...options.split(" ")], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
