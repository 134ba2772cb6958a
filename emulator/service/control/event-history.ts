// SPDX-License-Identifier: MIT
/** The last events, so that a listener whose connection broke misses none. */

/** What is kept at most. */
const MOST_RECORDS = 20_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** An event, ready to be sent. */
export interface Kept {
  /** Counts from 1. */
  seq: number;
  name: string;
  /** Ids that it is about, in lower case. */
  about: readonly string[];
  /** JSON. */
  line: string;
}

/** A bounded list of events. */
export class EventHistory {
  #kept: Kept[] = [];
  /** Of `#kept`: those before are dropped. */
  #first = 0;
  #characters = 0;
  /** Number of the last event. */
  last = 0;

  /** @param line made for the number that the event gets */
  add(name: string, about: readonly string[], line: (seq: number) => string): Kept {
    const seq = ++this.last;
    const kept = { seq, name, about, line: line(seq) };
    this.#kept.push(kept);
    this.#characters += kept.line.length;
    while (this.#kept.length - this.#first > MOST_RECORDS || this.#characters > MOST_CHARACTERS)
      this.#characters -= this.#kept[this.#first++]!.line.length;
    // Not at each one: what stands behind would be moved.
    if (this.#first > MOST_RECORDS) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
    return kept;
  }

  /** Events behind number `seq`, and how many of them are no longer there. */
  after(seq: number): { missed: number; events: readonly Kept[] } {
    const oldest = this.#kept[this.#first]?.seq ?? this.last + 1;
    const at = this.#first + Math.max(0, seq + 1 - oldest);
    return { missed: Math.max(0, oldest - seq - 1), events: this.#kept.slice(at) };
  }

  /** Drops all; the numbers go on. */
  clear(): void {
    this.#kept = [];
    this.#first = 0;
    this.#characters = 0;
  }
}
