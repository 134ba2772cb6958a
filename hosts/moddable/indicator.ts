// SPDX-License-Identifier: MIT
/** One LED that tells how far the device has come: it blinks a number of times, then pauses. */
import type { TimerHandle, Timers } from "../../src/host";

export interface Led {
  on(): void;
  off(): void;
}

/** What the LED tells: how often it blinks between two pauses. 0 is on without a blink. */
export const Signal = Object.freeze({
  CONNECTED: 0,
  /** Waiting for the network. */
  NETWORK: 1,
  /** Waiting for the time. */
  CLOCK: 2,
  /** At DPS. */
  PROVISIONING: 3,
  /** To the hub, or waiting to try again. */
  CONNECTING: 4,
  /** A person has to do something: configuration, key, enrollment. */
  ERROR: 6,
} as const);

export type Signal = (typeof Signal)[keyof typeof Signal];

/** Milliseconds. */
const BLINK = 150;
const PAUSE = 1_200;

export class Indicator {
  readonly #led: Led | undefined;
  readonly #timers: Timers;
  #signal: Signal | undefined;
  #timer: TimerHandle | undefined;

  /** @param led undefined where the board has none */
  constructor(led: Led | undefined, timers: Timers) {
    this.#led = led;
    this.#timers = timers;
  }

  /** Shows `signal` until another one is shown. */
  show(signal: Signal): void {
    if (signal === this.#signal) return;
    this.#signal = signal;
    this.#stop();
    if (!this.#led) return;
    if (signal === Signal.CONNECTED) this.#led.on();
    else this.#step(0);
  }

  /** Switches the LED off. */
  close(): void {
    this.#stop();
    this.#signal = undefined;
    this.#led?.off();
  }

  /** Even steps are light, odd ones dark; the last dark one is the pause. */
  #step(step: number): void {
    const last = 2 * (this.#signal ?? 0) - 1;
    if (step % 2 === 0) this.#led?.on();
    else this.#led?.off();
    const next = step === last ? 0 : step + 1;
    this.#timer = this.#timers.set(() => this.#step(next), step === last ? PAUSE : BLINK);
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#timers.clear(this.#timer);
    this.#timer = undefined;
  }
}
