// SPDX-License-Identifier: MIT
/** What a connection to the hub is worth that stands: after a while what slowed the device down counts no more. */
import type { Retry } from "./retry";
import type { RetryStore } from "./retry-store";

/** A connection that stood this long counts as a success: back-off starts anew. */
const STABLE = 30_000;
/** One that stood this long shows that what only a person can mend is mended. */
const MENDED = 3_600_000;

export class Standing {
  readonly #retry: Retry;
  readonly #store: RetryStore;
  #since = 0;
  #isStable = false;

  constructor(retry: Retry, store: RetryStore) {
    this.#retry = retry;
    this.#store = store;
  }

  /** Ticks at which the connection counts as a success. */
  get stableAt(): number {
    return this.#since + STABLE;
  }

  /** How long the connection has stood. */
  age(now: number): number {
    return now - this.#since;
  }

  /** CONNACK has come. */
  begin(now: number): void {
    this.#since = now;
    this.#isStable = false;
  }

  /**
   * @param asked as `Retry.stood`
   * @returns true when the connection counts as a success now, and did not at the last look
   */
  look(now: number, asked: boolean): boolean {
    const becomesStable = now >= this.stableAt && !this.#isStable;
    if (becomesStable) {
      this.#isStable = true;
      this.#retry.stood(asked);
    }
    const mends = now >= this.#since + MENDED && this.#retry.finals > 0;
    if (mends) this.#retry.mended();
    if ((becomesStable || mends) && this.#store.exists) this.#store.save();
    return becomesStable;
  }

  /** Ticks of the next look that is worth it; infinite for none. */
  get nextLook(): number {
    const next = this.#isStable ? Number.POSITIVE_INFINITY : this.stableAt;
    return this.#retry.finals > 0 ? Math.min(next, this.#since + MENDED) : next;
  }
}
