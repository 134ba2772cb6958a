// SPDX-License-Identifier: MIT
import { BerthError } from "../../src/error";
import type { TimerHandle, Timers } from "../../src/host";

/** `setTimeout` fires at once for anything longer (24.8 days). */
const LONGEST = 0x7fff_ffff;

class Timer {
  #timeout: NodeJS.Timeout | undefined;

  constructor(callback: () => void, delay: number) {
    this.#start(callback, delay);
  }

  #start(callback: () => void, delay: number): void {
    const step = Math.min(delay, LONGEST);
    this.#timeout = setTimeout(() => {
      if (delay > step) this.#start(callback, delay - step);
      else callback();
    }, step);
  }

  clear(): void {
    clearTimeout(this.#timeout);
  }
}

/** One-shot timers on Node's event loop, of any length. */
export const timers: Timers = Object.freeze({
  /**
   * Calls `callback` once after `delay` milliseconds; a negative delay counts as 0.
   * @throws BerthError `invalid-argument` when `delay` is no number.
   */
  set(callback: () => void, delay: number): TimerHandle {
    if (typeof delay !== "number" || Number.isNaN(delay)) {
      throw new BerthError("invalid-argument", "the delay of a timer is no number");
    }
    return new Timer(callback, Math.max(0, delay));
  },
  clear(handle: TimerHandle): void {
    if (handle instanceof Timer) handle.clear();
  },
});
