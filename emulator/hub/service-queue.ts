// SPDX-License-Identifier: MIT
/**
 * What a hub tells services at least once: feedback on cloud-to-device messages, and uploaded files. It is in memory only.
 * Source: "Message feedback" and "File upload notifications" (Azure documents), whose usual limits these are.
 */
import type { Clock } from "../clock";

/** Milliseconds that one waits, and that a service may take to settle it. */
const LIFETIME = 3_600_000;
const LOCK = 60_000;
/** After so many deliveries one is dropped. */
const MOST_DELIVERIES = 10;
/** Those that wait; the oldest go. */
const MOST_WAITING = 10_000;

interface Waiting<T> {
  value: T;
  expiry: number;
  deliveries: number;
}

/** Values that one service has been handed. Only the first call counts. */
export interface Lease<T> {
  values: T[];
  /** Deliveries before this one. */
  deliveryCount: number;
  /** They are done with. */
  complete(): void;
  /** Another may have them. */
  abandon(): void;
}

/** The queue. */
export class ServiceQueue<T> {
  readonly #clock: Clock;
  #waiting: Waiting<T>[] = [];
  /** Called when there is something to take. */
  readonly takers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    this.#dropExpired();
    return this.#waiting.length;
  }

  add(value: T): void {
    this.#waiting.push({ value, expiry: this.#clock.now() + LIFETIME, deliveries: 0 });
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#wake();
  }

  /** Hands out the oldest, `most` of them at most. @param onLost called when they were not settled in time */
  take(most: number, onLost: () => void): Lease<T> | undefined {
    this.#dropExpired();
    const taken = this.#waiting.splice(0, most);
    if (taken.length === 0) return undefined;
    const deliveryCount = Math.max(...taken.map(({ deliveries }) => deliveries));
    let open = true;
    const close = () => {
      const was = open;
      open = false;
      stopTimer();
      return was;
    };
    const abandon = () => {
      if (!close()) return;
      for (const one of taken) one.deliveries++;
      this.#waiting.unshift(...taken.filter(({ deliveries }) => deliveries < MOST_DELIVERIES));
      this.#wake();
    };
    const stopTimer = this.#clock.schedule(() => {
      abandon();
      onLost();
    }, LOCK);
    return { values: taken.map(({ value }) => value), deliveryCount, complete: () => void close(), abandon };
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    if (this.#waiting.some(({ expiry }) => expiry <= now))
      this.#waiting = this.#waiting.filter(({ expiry }) => expiry > now);
  }

  #wake(): void {
    for (const taker of this.takers) taker();
  }
}
