// SPDX-License-Identifier: MIT
/** Counts of XS, which repeat exactly, against bench/budget.json. */
import { expect } from "@jest/globals";
import { measuredFigures, overBudget } from "../../bench/budget";
import { engine, withEngine } from "../helpers/xs";

withEngine(
  "the device's code is within its budget: `npm run bench -- --budget` renews it",
  async () => {
    expect(overBudget(await measuredFigures(await engine()))).toEqual([]);
  },
  120_000,
);

withEngine(
  "the counts repeat exactly",
  async () => {
    expect(await measuredFigures(await engine())).toEqual(await measuredFigures(await engine()));
  },
  120_000,
);
