// SPDX-License-Identifier: MIT

/** A small generator (mulberry32): the same numbers for the same seed, on each engine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  /** One of `list`, which is not empty. */
  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)] as T;
  }
}
