// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { backoffDelay } from "../../src/backoff";

const policy = { base: 1000, cap: 60_000 };

test("half a step to a step, doubled up to the cap", () => {
  expect([0, 1, 2, 3, 6, 40].map((attempt) => backoffDelay(policy, attempt, 0))).toEqual([
    500, 1000, 2000, 4000, 30_000, 30_000,
  ]);
  expect([0, 1, 6, 1000].map((attempt) => backoffDelay(policy, attempt, 0.999999))).toEqual([
    1000, 2000, 60_000, 60_000,
  ]);
});

test("retry-after is a floor, never capped, with jitter above it", () => {
  expect(backoffDelay(policy, 0, 0, 600)).toBe(600_000);
  expect(backoffDelay(policy, 9, 0.5, 600)).toBe(625_000);
  // Where the server asks for less than the step, the step counts.
  expect(backoffDelay(policy, 9, 0.5, 1)).toBe(45_000);
});

test("a fleet of 10,000 that was told the same time comes back spread over a third of it, 50 s at most", () => {
  for (const [told, spread] of [
    [12, 3],
    [120, 39],
    [3600, 49],
  ] as const) {
    const delays = Array.from({ length: 10_000 }, (_, i) => backoffDelay(policy, 0, i / 10_000, told));
    expect(Math.min(...delays)).toBe(told * 1000);
    expect(Math.max(...delays) - told * 1000).toBeGreaterThanOrEqual(spread * 1000);
    expect(Math.max(...delays) - told * 1000).toBeLessThanOrEqual(50_000);
  }
});

test("jitter at every attempt, the cap included", () => {
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.nat(1000),
      (attempt, random, after) => {
        const delay = backoffDelay(policy, attempt, random, after);
        const low = backoffDelay(policy, attempt, 0, after);
        const high = backoffDelay(policy, attempt, 0.999999, after);
        expect(delay).toBeGreaterThanOrEqual(low);
        expect(delay).toBeLessThanOrEqual(high);
        expect(high).toBeGreaterThan(low);
        expect(delay).toBeGreaterThanOrEqual(after * 1000);
        expect(Number.isInteger(delay)).toBe(true);
      },
    ),
  );
});
