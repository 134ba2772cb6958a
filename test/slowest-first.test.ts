// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ROOT } from "../hosts/xs/modules";
import { SLOWEST } from "./slowest-first.js";

test("what runs first exists", () => {
  expect(SLOWEST.filter((file) => !existsSync(join(ROOT, `${file}.test.ts`)))).toEqual([]);
});
