// SPDX-License-Identifier: MIT
/** How often something may happen in a time. */
export class Rate {
  readonly #limit: number;
  readonly #span: number;
  readonly #bonus: number;
  readonly #times: number[] = [];
  readonly #excuses: number[] = [];

  /** @param limit times in `span` milliseconds @param bonus more for each excuse in it */
  constructor(limit: number, span: number, bonus: number) {
    this.#limit = limit;
    this.#span = span;
    this.#bonus = bonus;
  }

  /** A reason to begin anew: a restart, a clock that was set, a wish of the application. */
  excuse(now: number): void {
    this.#excuses.push(now);
  }

  /** @returns false when that is once too often */
  take(now: number): boolean {
    const times = this.#times;
    times.push(now);
    forget(times, now - this.#span);
    forget(this.#excuses, now - this.#span);
    return times.length <= this.#limit + this.#bonus * this.#excuses.length;
  }
}

function forget(times: number[], before: number): void {
  while (times.length > 0 && (times[0] as number) < before) times.shift();
}
