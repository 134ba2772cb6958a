// SPDX-License-Identifier: MIT
/** What in script takes the place of natives of the platform, so that its own cost can be taken off. */

/** A stand-in called once, and a native of the engine called the same way: the difference is what the script costs. */
export interface StandInPair {
  /** Its counter in `StandIns.calls`. */
  readonly calls: string;
  readonly standIn: () => unknown;
  readonly native: () => unknown;
  /** What the native allocates, where that is not what `native` does. */
  readonly allocates?: () => unknown;
}

export class StandIns {
  /** How often each was called. */
  readonly calls: Record<string, number>;
  readonly pairs: readonly StandInPair[];
  #held: Readonly<Record<string, number>> = {};

  /** @param calls the counters that the stand-ins themselves advance */
  constructor(calls: Record<string, number>, pairs: readonly StandInPair[]) {
    this.calls = calls;
    this.pairs = pairs;
  }

  reset(): void {
    for (const name of Object.keys(this.calls)) this.calls[name] = 0;
  }

  /** Calls do not count until `go`. */
  hold(): void {
    this.#held = { ...this.calls };
  }

  go(): void {
    Object.assign(this.calls, this.#held);
  }
}
