// SPDX-License-Identifier: MIT
/** The emulator's clock: another one, and how far it is set off from it. */
import type { Clock } from "./clock";

/** A time that `Date` can say, in milliseconds since 1970: the first and the last that a certificate can (years 1950 to 9999). */
const EARLIEST = Date.UTC(1950, 0, 1);
const LATEST = Date.UTC(9999, 11, 31);

/**
 * A clock that is wrong when it is told to be. `schedule` counts time that passes, whatever the clock says; `at` waits for
 * a time of the clock.
 */
export class SettableClock implements Clock {
  readonly #base: Clock;
  readonly #awaited = new Set<{ time: number; arm: () => void; cancel: () => void }>();
  #skew = 0;

  /** @param base the right time */
  constructor(base: Clock) {
    this.#base = base;
  }

  /** Milliseconds that it is ahead; negative when it is behind. */
  get skew(): number {
    return this.#skew;
  }

  now(): number {
    return this.#base.now() + this.#skew;
  }

  schedule(callback: () => void, delay: number): () => void {
    return this.#base.schedule(callback, delay);
  }

  /** Calls `callback` once when the clock says `time`, or is set past it; the returned function cancels. */
  at(callback: () => void, time: number): () => void {
    const awaited = {
      time,
      cancel: () => {},
      arm: () => {
        awaited.cancel();
        awaited.cancel = this.#base.schedule(() => {
          this.#awaited.delete(awaited);
          callback();
        }, time - this.now());
      },
    };
    this.#awaited.add(awaited);
    awaited.arm();
    return () => {
      this.#awaited.delete(awaited);
      awaited.cancel();
    };
  }

  /**
   * Sets it off by `milliseconds` from the right time; 0 sets it right.
   * @throws RangeError when a certificate could not name the time that it would say
   */
  set(milliseconds: number): void {
    const time = this.#base.now() + milliseconds;
    if (!(time >= EARLIEST && time <= LATEST))
      throw new RangeError("the clock would be set before 1950 or behind 9999");
    this.#skew = milliseconds;
    for (const { arm } of [...this.#awaited]) arm();
  }

  /** Sets it on by `milliseconds`, or back by a negative number. @throws RangeError as `set` */
  jump(milliseconds: number): void {
    this.set(this.#skew + milliseconds);
  }
}
