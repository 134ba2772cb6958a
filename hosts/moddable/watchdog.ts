// SPDX-License-Identifier: MIT
/**
 * The last resort in script: where nothing that counts as life has happened for a long time, the device restarts.
 * A script that loops for ever is the business of the chip's task watchdog (firmware/sdkconfig).
 */
import type { Clock, TimerHandle, Timers } from "../../src/host";

export interface WatchdogOptions {
  readonly timers: Timers;
  readonly clock: Pick<Clock, "ticks">;
  /** Milliseconds without life. */
  readonly limit: number;
  readonly onStuck: () => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  #fedAt: number;
  #timer: TimerHandle | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#fedAt = options.clock.ticks();
    this.#arm();
  }

  /** There is life. */
  feed(): void {
    this.#fedAt = this.#options.clock.ticks();
  }

  close(): void {
    this.#options.timers.clear(this.#timer);
  }

  #arm(): void {
    const { timers, clock, limit, onStuck } = this.#options;
    this.#timer = timers.set(() => {
      if (clock.ticks() - this.#fedAt >= limit) onStuck();
      else this.#arm();
    }, limit / 4);
  }
}
