// SPDX-License-Identifier: MIT
/**
 * The last resort in script: where nothing that counts as life has happened for a long time, the device restarts.
 * A script that loops for ever is the business of the chip's task watchdog (firmware/sdkconfig).
 *
 * A restart mends what is stuck in the device, and nothing else: each that has brought nothing makes the next one wait
 * twice as long. How many there were is kept in the store.
 */
import type { Clock, Store, TimerHandle, Timers } from "../../src/host";

export interface WatchdogOptions {
  readonly timers: Timers;
  readonly clock: Pick<Clock, "ticks">;
  readonly store: Store;
  /** Milliseconds without life. */
  readonly limit: number;
  /** Ticks of the last sign of life; in the future while a wait is rightful. */
  readonly lifeAt: () => number;
  /** Restarts the device. */
  readonly onStuck: (limit: number) => void;
}

const KEY = "restarts";
/** The limit is doubled so often at most: half an hour becomes 32 hours. */
const MOST = 6;

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #limit: number;
  /** Restarts in a row that have brought nothing. */
  #restarts: number;
  #timer: TimerHandle | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#restarts = read(options.store);
    this.#limit = options.limit * 2 ** this.#restarts;
    this.#arm();
  }

  /** The device works: the next restart may mend something again. */
  works(): void {
    if (this.#restarts > 0) this.#keep(0);
  }

  close(): void {
    this.#options.timers.clear(this.#timer);
  }

  #arm(): void {
    const { timers, clock, limit, lifeAt, onStuck } = this.#options;
    this.#timer = timers.set(() => {
      if (clock.ticks() - lifeAt() < this.#limit) this.#arm();
      else {
        this.#keep(Math.min(this.#restarts + 1, MOST));
        onStuck(this.#limit);
      }
    }, limit / 4);
  }

  #keep(restarts: number): void {
    this.#restarts = restarts;
    const { store } = this.#options;
    try {
      if (restarts > 0) store.write(KEY, new Uint8Array([restarts]));
      else store.delete(KEY);
    } catch {
      // The next one comes sooner than it should.
    }
  }
}

function read(store: Store): number {
  try {
    return Math.min(store.read(KEY)?.[0] ?? 0, MOST);
  } catch {
    return 0;
  }
}
