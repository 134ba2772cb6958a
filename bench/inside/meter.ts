// SPDX-License-Identifier: MIT
/** Counts what the device does, and not what its surroundings do in the same machine. */
import { Counter, type XsTools } from "../../hosts/xs/inside/globals";

export interface Counts {
  readonly computrons: number;
  /** Slots and chunks. */
  readonly bytes: number;
}

export class Meter {
  readonly #tools: XsTools;
  #computrons = 0;
  #bytes = 0;
  #from = 0;
  #started = false;
  /** Live bytes at the start, and the most above it between two events. */
  #live = 0;
  #peak = 0;

  constructor(tools: XsTools) {
    this.#tools = tools;
  }

  /** From zero. */
  start(): void {
    this.#tools.gc();
    this.#live = this.#used();
    this.#computrons = this.#bytes = this.#peak = 0;
    this.#started = true;
    this.resume();
  }

  /** What follows is not counted: the surroundings. No call while it is paused. */
  pause(): void {
    if (!this.#started) return;
    this.#computrons += this.#tools.resetMeter(0, 0);
    this.#bytes += this.#used() - this.#from;
  }

  resume(): void {
    if (!this.#started) return;
    this.#from = this.#used();
    this.#tools.resetMeter(0, 0);
  }

  /** While paused, between two events: what lives now is what the device needs. */
  sample(): void {
    this.#tools.gc();
    this.#peak = Math.max(this.#peak, this.#used() - this.#live);
  }

  /** While paused. */
  stop(): Counts {
    this.#started = false;
    return { computrons: this.#computrons, bytes: this.#bytes };
  }

  /** The most bytes that lived between two events, above those at the start; includes those of the surroundings. */
  get peak(): number {
    return this.#peak;
  }

  #used(): number {
    const { counter } = this.#tools;
    return counter(Counter.SLOTS) * counter(Counter.SLOT_SIZE) + counter(Counter.CHUNKS);
  }
}
