// SPDX-License-Identifier: MIT
import { type Clock, systemClock } from "../../emulator/clock";

/** The clock of this machine, moved on by hand; its timers are the machine's. */
export class LateClock implements Clock {
  /** Milliseconds. */
  late = 0;

  now(): number {
    return Date.now() + this.late;
  }

  schedule(callback: () => void, delay: number): () => void {
    return systemClock.schedule(callback, delay);
  }
}
