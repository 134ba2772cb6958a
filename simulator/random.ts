// SPDX-License-Identifier: MIT
/** Random numbers that a seed repeats. Each part of a world has a stream of its own, so that none moves another's. */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** @param seed any whole number @param streams which stream of it */
  constructor(seed: number, ...streams: readonly number[]) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0x9e3779b9;
    for (const stream of streams) {
      this.#c ^= stream;
      for (let i = 0; i < 8; i += 1) this.#next();
    }
    for (let i = 0; i < 12; i += 1) this.#next();
  }

  /** In [0, 1). */
  next(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from 0 to `n` - 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** From `low` to `high`, each order of magnitude as often. */
  spread(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** sfc32: Chris Doty-Humphrey's small fast counting generator. */
  #next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }
}
