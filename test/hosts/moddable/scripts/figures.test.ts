// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { bytecodeIn, Peaks } from "../../../../hosts/moddable/scripts/figures";

test("the highest of each sample, in slots of 32 bytes, found by the instruments' names", () => {
  const peaks = new Peaks();
  expect(peaks.text).toBeUndefined();
  for (const line of [
    "instruments: 9,9,9,9",
    "instruments key: Timers,Chunk used,Slot used,Stack used",
    "instruments: 4,36680,64000,416",
    "berth: instruments: 9,99999,99999,99999",
    "instruments: 5,43840,53440,15168",
    "instruments: 5,31368,64576,11744",
  ])
    peaks.take(line);
  expect(peaks.text).toBe("highest: 474 slots of stack, 2018 slots, 43840 bytes of chunks");
});

test("bytecode is counted in folders too, and nothing else is", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-figures-"));
  try {
    mkdirSync(join(directory, "berth", "src"), { recursive: true });
    writeFileSync(join(directory, "main.xsb"), "12345");
    writeFileSync(join(directory, "berth", "src", "error.xsb"), "123");
    writeFileSync(join(directory, "berth", "src", "error.js"), "1234567");
    expect(bytecodeIn(directory)).toBe("bytecode: 8 bytes in 2 modules");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
