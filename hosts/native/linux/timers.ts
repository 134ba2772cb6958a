// SPDX-License-Identifier: MIT
import type { TimerHandle, Timers } from "../../../src/host";
import type { LinuxNatives } from "./natives";

interface Timer {
  readonly at: number;
  callback: (() => void) | undefined;
}

/** Timers on the one alarm of the event loop. An exception in a callback ends the program, as it restarts a board. */
export class LinuxTimers implements Timers {
  readonly #natives: Pick<LinuxNatives, "alarm" | "ticks">;
  /** The next one first; those of the same time in the order in which they were set. */
  readonly #waiting: Timer[] = [];
  readonly #ring = (): void => this.#fire();

  constructor(natives: Pick<LinuxNatives, "alarm" | "ticks">) {
    this.#natives = natives;
  }

  set(callback: () => void, delay: number): TimerHandle {
    const timer: Timer = { at: this.#natives.ticks() + Math.max(0, delay), callback };
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1] as Timer).at > timer.at) place -= 1;
    this.#waiting.splice(place, 0, timer);
    if (place === 0) this.#arm();
    return timer;
  }

  clear(handle: TimerHandle): void {
    const place = this.#waiting.indexOf(handle as Timer);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    if (place === 0) this.#arm();
  }

  /** One timer a call: the loop looks at sockets in between. */
  #fire(): void {
    const [first] = this.#waiting;
    if (first && first.at <= this.#natives.ticks()) this.#waiting.shift();
    this.#arm();
    if (first && this.#waiting[0] !== first) first.callback?.();
  }

  #arm(): void {
    this.#natives.alarm(this.#ring, this.#waiting[0]?.at ?? -1);
  }
}
