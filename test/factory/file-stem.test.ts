// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { stemOf } from "../../factory/file-stem";

test.each([
  ["dev-1", "dev-1"],
  ["line:2", "line_2"],
  ["CON", "CON_"],
  ["nul", "nul_"],
  ["Aux.7", "Aux_.7"],
  ["com1", "com1_"],
  ["LPT9:x", "LPT9_x"],
  ["nul:x", "nul_x"],
  ["console", "console"],
  ["com10", "com10"],
  ["x-nul", "x-nul"],
])("the files of %s are named %s", (id, stem) => expect(stemOf(id)).toBe(stem));
