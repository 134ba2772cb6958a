// SPDX-License-Identifier: MIT
import { BerthError } from "../../src/error";
import type { TimerHandle, Timers } from "../../src/host";

/** What is needed of `timer`. */
export interface NativeTimers<Handle> {
  set(callback: () => void, delay: number): Handle;
  clear(handle: Handle): void;
}

/** The native timer counts in 32 bits; longer delays are waited for in steps of a day. */
const LONGEST_STEP = 86_400_000;

interface Running<Handle> {
  handle: Handle | undefined;
}

/**
 * One-shot timers of any length. An exception in a callback ends in `onError`: on the chip it would abort the
 * VM and restart the device.
 */
export class ModdableTimers<Handle> implements Timers {
  readonly #native: NativeTimers<Handle>;
  readonly #onError: (error: unknown) => void;

  /** @param onError must not throw */
  constructor(native: NativeTimers<Handle>, onError: (error: unknown) => void) {
    this.#native = native;
    this.#onError = onError;
  }

  /**
   * Calls `callback` once after `delay` milliseconds, rounded up; a negative delay counts as 0 (the native timer
   * would never fire).
   * @throws BerthError `invalid-argument` when `delay` is no number
   */
  set(callback: () => void, delay: number): TimerHandle {
    if (typeof delay !== "number" || Number.isNaN(delay)) {
      throw new BerthError("invalid-argument", "the delay of a timer is no number");
    }
    const running: Running<Handle> = { handle: undefined };
    this.#step(running, callback, Math.max(0, Math.ceil(delay)));
    return running;
  }

  clear(handle: TimerHandle): void {
    const running = handle as Running<Handle> | undefined;
    if (running?.handle === undefined) return;
    const native = running.handle;
    running.handle = undefined;
    this.#native.clear(native);
  }

  #step(running: Running<Handle>, callback: () => void, delay: number): void {
    const step = Math.min(delay, LONGEST_STEP);
    running.handle = this.#native.set(() => {
      running.handle = undefined;
      try {
        if (delay > step) this.#step(running, callback, delay - step);
        else callback();
      } catch (error) {
        this.#onError(error);
      }
    }, step);
  }
}
