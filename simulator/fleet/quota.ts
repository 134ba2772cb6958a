// SPDX-License-Identifier: MIT
/** How much a service takes, exactly: no more than so many in any time of that length. Constant work for each. */

export class Quota {
  readonly limit: number;
  readonly window: number;
  /** Ticks of the last `limit` that were taken, in a ring. */
  readonly #times: Float64Array;
  #oldest = 0;

  /** @param window milliseconds */
  constructor(limit: number, window: number) {
    this.limit = limit;
    this.window = window;
    this.#times = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  /** @returns 0 when it was taken, else the milliseconds until the next one can be */
  take(now: number): number {
    const free = this.#free;
    if (now < free) return free - now;
    this.#put(now);
    return 0;
  }

  /** Takes a place in the line. @returns milliseconds until it is this one's turn */
  queue(now: number): number {
    const at = Math.max(now, this.#free);
    this.#put(at);
    return at - now;
  }

  /** What `queue` would give. */
  wait(now: number): number {
    return Math.max(0, this.#free - now);
  }

  get #free(): number {
    return (this.#times[this.#oldest] as number) + this.window;
  }

  #put(at: number): void {
    this.#times[this.#oldest] = at;
    this.#oldest = (this.#oldest + 1) % this.limit;
  }
}
