// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { VirtualTime } from "../../simulator/virtual-time";
import { testProperty } from "../helpers/seeds";

/** Set a timer, clear the one that was set so many before, or let time pass. */
const step = fc.oneof(
  fc.record({ set: fc.nat(50) }),
  fc.record({ clear: fc.nat(20) }),
  fc.record({ advance: fc.nat(30) }),
);

testProperty(
  "timers fire in the order of their time, then of their setting; those that were cleared do not",
  200,
  fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const time = new VirtualTime();
    const fired: number[] = [];
    const handles: unknown[] = [];
    // The model: a list that is searched.
    let waiting: { at: number; id: number }[] = [];
    const expected: number[] = [];
    for (const given of steps) {
      if ("set" in given) {
        const id = handles.length;
        handles.push(time.set(() => fired.push(id), given.set));
        waiting.push({ at: time.ticks() + given.set, id });
      } else if ("clear" in given) {
        const id = handles.length - 1 - given.clear;
        time.clear(handles[id]);
        waiting = waiting.filter((timer) => timer.id !== id);
      } else {
        time.advance(given.advance);
        const due = waiting.filter(({ at }) => at <= time.ticks());
        waiting = waiting.filter(({ at }) => at > time.ticks());
        expected.push(...due.sort((a, b) => a.at - b.at || a.id - b.id).map(({ id }) => id));
      }
      expect(fired).toEqual(expected);
      expect(time.pending).toBe(waiting.length);
    }
  }),
);

test("a timer that is set by one that fires comes in the same `advance`, at its own time", () => {
  const time = new VirtualTime();
  const at: number[] = [];
  const again = (): void => {
    at.push(time.ticks());
    if (at.length < 4) time.set(again, 10);
  };
  time.set(again, 5);
  time.advance(30);
  expect([at, time.ticks(), time.pending]).toEqual([[5, 15, 25], 30, 1]);
});

test("what is no handle, or of another time, clears nothing", () => {
  const time = new VirtualTime();
  time.set(() => {}, 1);
  const other = new VirtualTime().set(() => {}, 1);
  for (const handle of [undefined, 0, {}, other]) time.clear(handle);
  expect(time.pending).toBe(1);
  expect(() => time.set(() => {}, Number.NaN)).toThrow(RangeError);
});
