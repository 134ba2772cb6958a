// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import { SettableClock } from "../../emulator/settable-clock";

const START = Date.UTC(2026, 0, 1);

test("what waits for a time goes by the clock, what waits for a while does not", () => {
  const base = new ManualClock(START);
  const clock = new SettableClock(base);
  const seen: string[] = [];
  clock.at(() => seen.push("at noon"), START + 12 * 3_600_000);
  clock.schedule(() => seen.push("in a minute"), 60_000);
  clock.jump(13 * 3_600_000);
  base.advance(0);
  expect(seen).toEqual(["at noon"]);
  expect([clock.now(), clock.skew]).toEqual([START + 13 * 3_600_000, 13 * 3_600_000]);
  base.advance(60_000);
  expect(seen).toEqual(["at noon", "in a minute"]);
});

test("a clock that is set back waits longer, and what is cancelled never comes", () => {
  const base = new ManualClock(START);
  const clock = new SettableClock(base);
  const seen: string[] = [];
  clock.at(() => seen.push("due"), START + 1000);
  const cancel = clock.at(() => seen.push("cancelled"), START + 1000);
  clock.set(-5000);
  base.advance(1000);
  expect(seen).toEqual([]);
  cancel();
  cancel();
  clock.jump(5000);
  base.advance(0);
  expect(seen).toEqual(["due"]);
  clock.set(0);
  expect(clock.now()).toBe(START + 1000);
});

test("a time that no certificate could name is refused, and changes nothing", () => {
  const clock = new SettableClock(new ManualClock(START));
  clock.set(5);
  for (const far of [1e15, -1e15, Number.NaN]) expect(() => clock.set(far)).toThrow(RangeError);
  expect(clock.skew).toBe(5);
});
