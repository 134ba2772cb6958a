// SPDX-License-Identifier: MIT
/** Time as the emulator sees it, so that a test can move it by hand. */

/** Wall-clock time and one-shot timers. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Calls `callback` once after `delay` milliseconds; the returned function cancels and may be called twice. */
  schedule(callback: () => void, delay: number): () => void;
}

/** Node.js keeps a delay in a signed 32-bit number of milliseconds; a longer one would fire at once. */
const LONGEST_DELAY = 0x7fffffff;

/** The clock of this machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(callback, delay) {
    let timer: NodeJS.Timeout;
    const arm = (remaining: number) => {
      const step = Math.min(remaining, LONGEST_DELAY);
      timer = setTimeout(() => (remaining > step ? arm(remaining - step) : callback()), step);
      timer.unref();
    };
    arm(Math.max(0, delay));
    return () => clearTimeout(timer);
  },
};

/** A clock that moves only when told: hours of device life in one test step. */
export class ManualClock implements Clock {
  #now: number;
  #timers = new Map<number, { at: number; callback: () => void }>();
  #nextId = 0;

  /** @param now the first reading, in milliseconds since 1970. */
  constructor(now: number = Date.now()) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(callback: () => void, delay: number): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, { at: this.#now + Math.max(0, delay), callback });
    return () => {
      this.#timers.delete(id);
    };
  }

  /** Moves time on by `milliseconds`, firing the timers that fall due, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      let next: [number, { at: number; callback: () => void }] | undefined;
      for (const entry of this.#timers)
        if (entry[1].at <= end && (!next || entry[1].at < next[1].at)) next = entry;
      if (!next) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].callback();
    }
    this.#now = end;
  }
}
