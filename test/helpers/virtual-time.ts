// SPDX-License-Identifier: MIT
/** A clock that moves when told, and timers on it. Nothing of Node, so that it runs inside XS too. */
import type { Clock, Timers } from "../../src/host";

/** 2026-11-23T00:00:00Z. */
export const START = Date.UTC(2026, 10, 23);

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that passes only in `advance`: hours take milliseconds. */
export class VirtualTime implements Clock, Timers {
  #ticks = 0;
  #order = 0;
  #timers: VirtualTimer[] = [];
  /** False: the wall clock has not been set. */
  isSet = true;

  now(): number | undefined {
    return this.isSet ? START + this.#ticks : undefined;
  }

  ticks(): number {
    return this.#ticks;
  }

  set(callback: () => void, delay: number): VirtualTimer {
    if (!(delay >= 0)) throw new RangeError(`delay ${delay}`);
    const timer = { at: this.#ticks + delay, order: this.#order++, callback };
    this.#timers.push(timer);
    return timer;
  }

  clear(handle: unknown): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets `duration` milliseconds pass, firing what is due in order. */
  advance(duration: number): void {
    const end = this.#ticks + duration;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end);
      due.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = due[0];
      if (!next) break;
      this.clear(next);
      this.#ticks = Math.max(this.#ticks, next.at);
      next.callback();
    }
    this.#ticks = end;
  }
}
