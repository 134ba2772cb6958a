// SPDX-License-Identifier: MIT
/** Sliding-window throttles. Azure's: 5 polls in 10 s for a device, 1,000 registrations a minute for a DPS instance. */

/** Allows `limit` events in any `windowMs` milliseconds, per key. */
export class Throttle {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #events = new Map<string, number[]>();

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /**
   * Counts an event; what lies ahead, because the clock was set back, is forgotten. A refused one does not count.
   * @param now milliseconds since 1970
   * @returns 0 when allowed, otherwise the whole seconds until one is allowed again
   */
  take(key: string, now: number): number {
    const recent = (this.#events.get(key) ?? []).filter((time) => time > now - this.#windowMs && time <= now);
    this.#events.set(key, recent);
    if (recent.length >= this.#limit)
      return Math.max(1, Math.ceil((recent[0]! + this.#windowMs - now) / 1000));
    recent.push(now);
    return 0;
  }

  /** Drops what a key has counted, so that gone devices take no memory. */
  forget(key: string): void {
    this.#events.delete(key);
  }
}
