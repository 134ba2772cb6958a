// SPDX-License-Identifier: MIT
/** A clock that moves when told, and timers on it. Nothing of Node, so that it runs inside XS too. */
import type { Clock, Timers } from "../src/host";

/** 2026-11-23T00:00:00Z. */
export const START = Date.UTC(2026, 10, 23);

class VirtualTimer {
  /** Where it stands in the heap; -1 when it has fired or was cleared. */
  index = -1;
  readonly at: number;
  readonly #order: number;
  readonly callback: () => void;

  constructor(at: number, order: number, callback: () => void) {
    this.at = at;
    this.#order = order;
    this.callback = callback;
  }

  /** Is it due before `other`? Of two at the same time, the one that was set first is. */
  before(other: VirtualTimer): boolean {
    return this.at < other.at || (this.at === other.at && this.#order < other.#order);
  }
}

/** Time that passes only in `advance`: weeks take seconds. The timers are a binary heap. */
export class VirtualTime implements Clock, Timers {
  #ticks = 0;
  #order = 0;
  readonly #heap: VirtualTimer[] = [];
  /** False: the wall clock has not been set. */
  isSet = true;
  /** By so much the wall clock is wrong, milliseconds. */
  skew = 0;

  now(): number | undefined {
    return this.isSet ? START + this.#ticks + this.skew : undefined;
  }

  ticks(): number {
    return this.#ticks;
  }

  set(callback: () => void, delay: number): VirtualTimer {
    if (!(delay >= 0)) throw new RangeError(`delay ${delay}`);
    const timer = new VirtualTimer(this.#ticks + delay, this.#order++, callback);
    this.#heap.push(timer);
    this.#up(timer, this.#heap.length - 1);
    return timer;
  }

  clear(handle: unknown): void {
    if (handle instanceof VirtualTimer && this.#heap[handle.index] === handle) this.#remove(handle);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#heap.length;
  }

  /** Lets `duration` milliseconds pass, firing what is due in order. */
  advance(duration: number): void {
    const end = this.#ticks + duration;
    for (let next = this.#heap[0]; next && next.at <= end; next = this.#heap[0]) {
      this.#remove(next);
      this.#ticks = next.at;
      next.callback();
    }
    this.#ticks = end;
  }

  #remove(timer: VirtualTimer): void {
    const { index } = timer;
    timer.index = -1;
    const last = this.#heap.pop();
    if (!last || last === timer) return;
    this.#up(last, index);
    this.#down(last, last.index);
  }

  #place(timer: VirtualTimer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  /** Puts `timer` at `index` or above. */
  #up(timer: VirtualTimer, index: number): void {
    let at = index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above] as VirtualTimer;
      if (!timer.before(parent)) break;
      this.#place(parent, at);
      at = above;
    }
    this.#place(timer, at);
  }

  /** Puts `timer` at `index` or below. */
  #down(timer: VirtualTimer, index: number): void {
    let at = index;
    for (;;) {
      let below = 2 * at + 1;
      const left = this.#heap[below];
      const right = this.#heap[below + 1];
      if (left && right?.before(left)) below += 1;
      const child = this.#heap[below];
      if (!child?.before(timer)) break;
      this.#place(child, at);
      at = below;
    }
    this.#place(timer, at);
  }
}
