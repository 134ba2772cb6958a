// SPDX-License-Identifier: MIT
/** Stands in for the SDK's native module `timer`: one one-shot timer at a time waits to be fired, for no more are in use. */
import { calls } from "./calls";

const HANDLE = {};

function nothing(): void {}

let waiting: () => void = nothing;

export default {
  set(callback: () => void, _delay?: number): object {
    calls.setTimer += 1;
    waiting = callback;
    return HANDLE;
  },

  repeat(_callback: () => void, _delay: number): object {
    return HANDLE;
  },

  clear(_handle: unknown): void {
    calls.clearTimer += 1;
    waiting = nothing;
  },

  /** The platform's event loop. */
  fire(): void {
    calls.fireTimer += 1;
    const callback = waiting;
    waiting = nothing;
    callback();
  },
};
