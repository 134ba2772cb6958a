// SPDX-License-Identifier: MIT
/** What instrumented code leaves behind: how often it came by each place, and the largest buffer that it allocated. */

/** Buckets of hit counts, as AFL has them: another bucket is something new. */
const BUCKETS = 8;

export class Hits {
  readonly #counts: Uint32Array;
  #largest = 0;

  /** @param counts a place each, written by the instrumented code */
  constructor(counts: Uint32Array) {
    this.#counts = counts;
  }

  /** How many features there can be: a place in a bucket each. */
  get features(): number {
    return this.#counts.length * BUCKETS;
  }

  /** Bytes of the largest buffer since `clear`. */
  get largest(): number {
    return this.#largest;
  }

  allocated(bytes: number): void {
    if (bytes > this.#largest) this.#largest = bytes;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#largest = 0;
  }

  /** Puts the features since `clear` into `target`; returns how many. */
  collect(target: Uint32Array): number {
    const counts = this.#counts;
    let found = 0;
    for (let place = 0; place < counts.length; place += 1) {
      const count = counts[place] as number;
      if (count > 0) target[found++] = place * BUCKETS + bucketOf(count);
    }
    return found;
  }
}

/** The place of a feature. */
export function placeOf(feature: number): number {
  return Math.floor(feature / BUCKETS);
}

function bucketOf(count: number): number {
  if (count <= 3) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}
