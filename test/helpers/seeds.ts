// SPDX-License-Identifier: MIT
/**
 * Property tests run twice: with a seed that never changes, and with a fresh one, which is printed so that a
 * failure can be had again: `BERTH_SEED=<seed> npm test`.
 */
import { test } from "@jest/globals";
import fc from "fast-check";

/** The date of the OASIS standard. */
const FIXED_SEED = 20_141_029;

const given = process.env.BERTH_SEED;
/** Printed when this is loaded. */
export const freshSeed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
if (!Number.isInteger(freshSeed)) throw new Error(`BERTH_SEED is no whole number: ${given}`);
console.info(`fresh seed: BERTH_SEED=${freshSeed}`);

/** Two tests of `property`, `runs` cases each. */
export function testProperty<T>(name: string, runs: number, property: fc.IRawProperty<T>): void {
  const seeds = [
    ["fixed", FIXED_SEED],
    ["fresh", freshSeed],
  ] as const;
  test.each(seeds)(`${name} (%s seed)`, async (_, seed) => {
    await fc.assert(property, { seed, numRuns: runs });
  });
}
