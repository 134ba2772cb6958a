// SPDX-License-Identifier: MIT
/** The unit and property tests of src/, inside XS, on modules that are frozen as on the device. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ROOT } from "../../hosts/xs/modules";
import { modulesBelow } from "../../hosts/xs/preload";
import { engine, withEngineEach } from "../helpers/xs";
import { runInXs } from "./run-in-xs";

/** These run on Node only, and why. */
const EXCLUDED: Readonly<Record<string, string>> = Object.freeze({
  "test/src/error.test.ts": "compares the table of errors with docs/errors.md, which it reads",
});

/** The generator of XS starts the same each time: a fresh seed has to come from here. */
const seed = process.env.BERTH_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
console.info(`fresh seed: BERTH_SEED=${seed}`);

const files = modulesBelow("test/src").filter((file) => file.endsWith(".test.ts") && !(file in EXCLUDED));

test("what is excluded exists", () => {
  expect(Object.keys(EXCLUDED).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

withEngineEach(files)(
  "%s",
  async (file) => {
    const report = await runInXs(await engine(), file, { BERTH_SEED: seed });
    expect(report.failed.map(({ name, error }) => `${name}: ${error}`)).toEqual([]);
    expect(report.unfinished).toEqual([]);
    expect(report.passed).toBeGreaterThan(0);
    console.info(`${report.passed} tests of ${file} passed on XS`);
  },
  300_000,
);
