// SPDX-License-Identifier: MIT
/** Timers, clock and randomness of the SDK. */
import { fillRandom } from "berth/natives/random";
import Time from "time";
import { ModdableClock } from "../../hosts/moddable/clock";
import { createTimers } from "../../hosts/moddable/host";
import { randomOf } from "../../hosts/native/random";
import { type Case, equal, holds } from "./check";

const timers = createTimers(() => {});

function wait(delay: number): Promise<void> {
  return new Promise((resolve) => {
    timers.set(resolve, delay);
  });
}

export const timeCases: readonly Case[] = [
  {
    name: "timer: never from inside set, in the order of their delays, not after clear",
    run: async () => {
      const fired: string[] = [];
      timers.set(() => fired.push("60"), 60);
      timers.set(() => fired.push("0"), 0);
      timers.clear(timers.set(() => fired.push("cleared"), 1));
      timers.clear(undefined);
      equal(fired, []);
      await wait(200);
      equal(fired, ["0", "60"]);
    },
  },
  {
    name: "timer: an exception in a callback goes to onError and aborts nothing",
    run: async () => {
      const errors: unknown[] = [];
      createTimers((error) => errors.push(String(error))).set(() => {
        throw new Error("oops");
      }, 1);
      await wait(100);
      equal(errors, ["Error: oops"]);
    },
  },
  {
    name: "clock: ticks go on, and a time out of bounds is none",
    run: async () => {
      const clock = new ModdableClock(Time, { earliest: 0, latest: Number.MAX_SAFE_INTEGER });
      const start = clock.ticks();
      await wait(100);
      holds(clock.ticks() - start >= 80, "100 ms have passed");
      holds(clock.now() !== undefined, "the time is within bounds");
      equal(new ModdableClock(Time, { earliest: 0, latest: 1 }).now(), undefined);
    },
  },
  {
    name: "random: in [0, 1), and not twice the same",
    run: () => {
      const random = randomOf(fillRandom);
      const drawn = Array.from({ length: 100 }, random);
      holds(
        drawn.every((value) => value >= 0 && value < 1),
        "in [0, 1)",
      );
      holds(new Set(drawn).size > 95, "many different ones");
    },
  },
];
