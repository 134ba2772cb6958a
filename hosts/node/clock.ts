// SPDX-License-Identifier: MIT
import type { Clock } from "../../src/host";

/** The computer's clock, taken as set, and Node's monotonic time; both in milliseconds. */
export const clock: Clock = Object.freeze({
  now: (): number => Date.now(),
  ticks: (): number => performance.now(),
});
