// SPDX-License-Identifier: MIT
/** One timer at a time, whose work may throw: nothing escapes into the platform that calls it. */
import { asBerthError, type BerthError } from "./error";
import type { TimerHandle, Timers } from "./host";

export class Alarm {
  readonly #timers: Timers;
  readonly #onError: (error: BerthError) => void;
  #timer: TimerHandle | undefined;
  #work: (() => void) | undefined;

  /** @param onError gets what the work throws; must not throw itself */
  constructor(timers: Timers, onError: (error: BerthError) => void) {
    this.#timers = timers;
    this.#onError = onError;
  }

  /** Does `work` once after `delay` milliseconds, instead of what was set before. */
  set(delay: number, work: () => void): void {
    this.cancel();
    this.#work = work;
    this.#timer = this.#timers.set(() => this.#ring(), delay);
  }

  cancel(): void {
    if (this.#work) this.#timers.clear(this.#timer);
    this.#timer = this.#work = undefined;
  }

  #ring(): void {
    const work = this.#work;
    this.#timer = this.#work = undefined;
    try {
      work?.();
    } catch (error) {
      this.#onError(asBerthError(error));
    }
  }
}
