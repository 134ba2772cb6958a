// SPDX-License-Identifier: MIT
/** Chaos itself: it repeats, finds what is planted, makes it short, and refuses what it cannot do. `.ci/run` has the runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { MUTANTS, type Mutant, plant, ROOT, subjectWith } from "../../../simulator/chaos/mutants";
import { complaint, report } from "../../../simulator/chaos/report";
import { shrink } from "../../../simulator/chaos/shrink";
import * as subject from "../../../simulator/chaos/subject";
import { World } from "../../../simulator/chaos/world";

test("a seed repeats: the same messages, faults and connections, and no rule is broken", () => {
  const run = () => new World({ seed: 5, periods: 1, devices: 4, subject }).runAtOnce();
  const outcome = run();
  expect(outcome.violation).toBeUndefined();
  expect(outcome).toEqual(run());
  expect(outcome.deviceHours).toBe(24);
  expect(outcome.messages.received).toBeGreaterThan(100);
  expect(outcome.faults.size).toBeGreaterThan(20);
  expect(report(outcome, 1)).toContain("violations: 0");
  const { tally } = outcome;
  const backLine = (more: Partial<typeof tally>) =>
    /^back after the last fault: .*$/m.exec(report({ ...outcome, tally: { ...tally, ...more } }, 1))?.[0];
  expect(backLine({ returns: 2, longestReturn: 90_000 })).toMatch(/: 1.5 minutes at most, of 2 times /);
  expect(backLine({ returns: 0, longestReturn: 0 })).toMatch(/: nothing measured: no device was away/);
});

test("each planted fault has its place in the sources", () => {
  for (const mutant of MUTANTS) expect(plant(mutant)).not.toBe("");
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  expect(() => plant({ ...(MUTANTS[0] as Mutant), from: "is not there" })).toThrow(
    "correct simulator/chaos/mutants.ts",
  );
});

test("a planted fault is found, and its script is made short and still finds it", async () => {
  const mutant = MUTANTS.find(({ name }) => name === "what is taken back goes to the end of the queue");
  const broken = await subjectWith(mutant as Mutant);
  const options = { seed: 1, periods: 2, devices: 8, subject: broken };
  const { violation } = new World(options).runAtOnce();
  if (!violation) throw new Error("not found");
  const small = shrink(options, violation);
  expect(small.violation.rule).toBe(violation.rule);
  expect(small.faults.length).toBeLessThan(violation.faults.size / 2);
  const happens = (fault: number): boolean => small.faults.includes(fault);
  const again = new World({ ...options, only: violation.device, happens }).runAtOnce();
  expect(again.violation).toEqual(small.violation);
  expect(complaint(small.violation, "COMMAND")).toMatch(
    /VIOLATION of "order is kept"[\s\S]*FAULT[\s\S]*again: COMMAND$/,
  );
  // The same script breaks nothing of the project's own code.
  expect(
    new World({ ...options, subject, only: violation.device, happens }).runAtOnce().violation,
  ).toBeUndefined();
});

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

async function command(
  words: readonly string[],
  onError?: (text: string, kill: () => void) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "simulator/chaos/main.ts", ...words], {
    cwd: ROOT,
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
    // A second one would end it at once.
    if (!child.killed) onError?.(err, () => child.kill("SIGINT"));
  });
  const [status] = await once(child, "close");
  return { status, out, err };
}

describe("the command", () => {
  test.each([
    [["--seed", "seven"], "argument 'seven' is invalid. A whole number from 0"],
    [["--what"], "unknown option '--what'"],
    [["--hours", "5"], "A whole number from 6 to 87600"],
    [["--devices", "1000000"], "the memory is enough for"],
    [["--devices", "3", "--device", "3"], "the last one is 2"],
    [["--real", "--devices", "65"], "with --real 64 at most"],
  ])("%p is told before anything starts", async (words, message) => {
    const { status, out, err } = await command(words);
    expect(err).toContain(message);
    expect([status, out]).toEqual([1, ""]);
  });

  test("Ctrl-C ends it with the report so far", async () => {
    const { status, out } = await command(["--seed", "1", "--hours", "6000"], (text, kill) => {
      if (text.includes("device-hours")) kill();
    });
    expect(out).toMatch(/device-hours in [\s\S]*violations: 0/);
    expect(status).toBe(130);
  });
});
