// SPDX-License-Identifier: MIT
import type { Clock } from "../../src/host";

/** What is needed of `time`. */
export interface TickSource {
  /** Milliseconds, a 32-bit number that wraps on ESP32. */
  readonly ticks: number;
  /** `end - start`, right across one wrap. */
  delta(start: number, end: number): number;
}

/** Which times are believed; milliseconds since 1970. */
export interface TimeBounds {
  readonly earliest: number;
  readonly latest: number;
}

/**
 * The wall clock of the device, taken as set once it shows a time within bounds (an ESP32 starts in 1970, and a
 * reply of SNTP is not authenticated), and monotonic time that does not wrap.
 */
export class ModdableClock implements Clock {
  readonly #time: TickSource;
  readonly #bounds: TimeBounds;
  #last: number;
  #total = 0;

  constructor(time: TickSource, bounds: TimeBounds) {
    this.#time = time;
    this.#bounds = bounds;
    this.#last = time.ticks;
  }

  now(): number | undefined {
    const now = Date.now();
    return now >= this.#bounds.earliest && now <= this.#bounds.latest ? now : undefined;
  }

  /** Must be called once in 24 days at least, or a wrap is missed; the agent does so far more often. */
  ticks(): number {
    const now = this.#time.ticks;
    const passed = this.#time.delta(this.#last, now);
    this.#last = now;
    // The simulator's ticks are the computer's wall clock, which can be set back.
    if (passed > 0) this.#total += passed;
    return this.#total;
  }
}
