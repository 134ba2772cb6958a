// SPDX-License-Identifier: MIT
/** A button that must be held: a short touch does nothing. */
import type { TimerHandle, Timers } from "../../src/host";

export interface Button {
  close(): void;
}

/** A button of `Host.Button`; it tells every change, bounces included. @param pressed 1 while it is down */
export type ButtonClass = new (options: { readonly onPush: (pressed: number) => void }) => Button;

/** Durations are milliseconds. */
export interface LongPressOptions {
  readonly Button: { readonly io: ButtonClass };
  readonly timers: Timers;
  readonly onLongPress: () => void;
  /** Default 5,000. */
  readonly hold?: number;
}

export class LongPress {
  readonly #options: LongPressOptions;
  readonly #button: Button;
  #timer: TimerHandle | undefined;

  constructor(options: LongPressOptions) {
    this.#options = options;
    this.#button = new options.Button.io({ onPush: (pressed) => this.#pushed(pressed !== 0) });
  }

  close(): void {
    this.#release();
    this.#button.close();
  }

  /** Native code calls this; it only sets and clears a timer, and a bounce starts the time anew. */
  #pushed(pressed: boolean): void {
    this.#release();
    const { timers, onLongPress, hold = 5_000 } = this.#options;
    if (!pressed) return;
    this.#timer = timers.set(() => {
      this.#timer = undefined;
      onLongPress();
    }, hold);
  }

  #release(): void {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
  }
}
