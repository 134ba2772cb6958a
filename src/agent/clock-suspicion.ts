// SPDX-License-Identifier: MIT
/** A clock that is wrong looks like a wrong key or an expired certificate: once it is set, the wait for that is over. */
import type { BerthError } from "../error";
import type { Clock } from "../host";
import { refusesIdentity } from "./refusal";

/** How often the clock is looked at, and by how much it must have been wrong, milliseconds. */
const LOOK = 5_000;
const JUMP = 30_000;

export class ClockSuspicion {
  readonly #clock: Clock;
  /** By how much the clock was ahead of the ticks when an error came that a wrong clock explains. */
  #then: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note of an error that a wrong clock may explain. */
  heed({ code }: BerthError): void {
    const wall = this.#clock.now();
    if (wall === undefined) return;
    if (code !== "tls-expired" && code !== "dps-unauthorized" && !refusesIdentity(code)) return;
    this.#then ??= wall - this.#clock.ticks();
  }

  clear(): void {
    this.#then = undefined;
  }

  /** How much of `left` milliseconds may pass before the clock is looked at. */
  nap(left: number): number {
    return this.#then === undefined ? left : Math.min(left, LOOK);
  }

  /** True once when the clock has been set by so much that it may have been what was wrong. */
  takeConfirmed(): boolean {
    const wall = this.#clock.now();
    if (this.#then === undefined || wall === undefined) return false;
    if (Math.abs(wall - this.#clock.ticks() - this.#then) < JUMP) return false;
    this.#then = undefined;
    return true;
  }
}
