// SPDX-License-Identifier: MIT
/** Whether chaos finds what is planted: each mutant by one seed at least. */
import { MUTANTS, type Mutant, subjectWith } from "./mutants";
import { World } from "./world";

/** Seeds that a mutant is run with at most. */
const MOST_SEEDS = 12;
const DEVICES = 8;
const PERIODS = 2;

/** What has found a mutant. */
export interface Find {
  readonly seed: number;
  readonly rule: string;
  readonly what: string;
  /** Device-hours that all seeds up to this one took. */
  readonly deviceHours: number;
}

/** @param seed the first one @returns undefined when none of the seeds has found it */
export async function hunt(mutant: Mutant, seed: number): Promise<Find | undefined> {
  const subject = await subjectWith(mutant);
  let deviceHours = 0;
  for (let i = 0; i < MOST_SEEDS; i += 1) {
    const world = new World({ seed: seed + i, periods: PERIODS, devices: DEVICES, subject });
    const outcome = world.runAtOnce();
    deviceHours += outcome.deviceHours;
    if (outcome.violation)
      return { seed: seed + i, rule: outcome.violation.rule, what: outcome.violation.what, deviceHours };
  }
  return undefined;
}

/** All of them. @returns a status for the shell */
export async function huntMutants(seed: number, log: (line: string) => void): Promise<number> {
  // Nobody reads the stacks.
  Error.stackTraceLimit = 0;
  let found = 0;
  for (const mutant of MUTANTS) {
    const find = await hunt(mutant, seed);
    if (find) found += 1;
    const words = find
      ? `seed ${find.seed}, ${find.deviceHours.toFixed(0)} device-hours: ${find.rule}: ${find.what}`
      : "NOT FOUND";
    log(`src/${mutant.file}: ${mutant.name}\n    ${words.split("\n")[0]}`);
  }
  log(`${found} of ${MUTANTS.length} planted faults found`);
  return found === MUTANTS.length ? 0 : 1;
}
