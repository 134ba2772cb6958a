// SPDX-License-Identifier: MIT
/** Sums the processor time of one side: of its constructor, and of each callback that enters it. */
import { cpuTime } from "bench_natives";

export class Stopwatch {
  #depth = 0;
  #start = 0;
  #sum = 0;

  /** Runs `work`, which counts. */
  run<T>(work: () => T): T {
    this.#depth += 1;
    if (this.#depth === 1) this.#start = cpuTime();
    try {
      return work();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#sum += cpuTime() - this.#start;
    }
  }

  /** Microseconds so far; may be called from inside `run`. */
  get time(): number {
    return this.#sum + (this.#depth > 0 ? cpuTime() - this.#start : 0);
  }
}
