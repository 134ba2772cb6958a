// SPDX-License-Identifier: MIT
/**
 * What a person wants to know after a restart: why the chip restarted, and what went wrong last. A release build
 * prints nothing, so it is kept in the store and reported.
 */
import type { BerthError } from "../../src/error";
import type { Clock, Store, TextCodec } from "../../src/host";

/** An error as it is kept. The message may name hosts and ids, never a key or token. */
export interface DiaryEntry {
  readonly phase: string;
  readonly code: string;
  readonly message: string;
  /** Milliseconds since 1970; undefined when the clock was not set. */
  readonly at: number | undefined;
}

const KEY = "lastError";
const LONGEST_MESSAGE = 300;
/** Flash wears out: each of the last errors is written once in this time, any error not more often than that; milliseconds. */
const SAME_AGAIN = 3_600_000;
const OTHER_AGAIN = 60_000;
/** How many codes are remembered for it. */
const MOST_CODES = 8;

export class Diary {
  readonly #store: Store;
  readonly #text: TextCodec;
  readonly #clock: Clock;
  #last: DiaryEntry | undefined;
  #writtenAt: number | undefined;
  /** When each code was written. */
  #written: readonly { readonly code: string; readonly at: number }[] = [];

  constructor(store: Store, text: TextCodec, clock: Clock) {
    this.#store = store;
    this.#text = text;
    this.#clock = clock;
    this.#last = this.#read();
  }

  /** The last error, of this run or of an earlier one. */
  get last(): DiaryEntry | undefined {
    return this.#last;
  }

  /** Keeps `error`. Throws nothing: a diary that cannot be written must not stop the device. */
  note(phase: string, error: BerthError): void {
    const entry: DiaryEntry = {
      phase,
      code: error.code,
      message: error.message.slice(0, LONGEST_MESSAGE),
      at: this.#clock.now(),
    };
    this.#last = entry;
    const now = this.#clock.ticks();
    const same = this.#written.find(({ code }) => code === error.code)?.at;
    if (same !== undefined && now - same < SAME_AGAIN) return;
    if (this.#writtenAt !== undefined && now - this.#writtenAt < OTHER_AGAIN) return;
    const others = this.#written.filter(({ code }) => code !== error.code);
    this.#writtenAt = now;
    this.#written = [...(others.length < MOST_CODES ? others : []), { code: error.code, at: now }];
    this.flush();
  }

  /** Writes the last error now: the device is about to restart. Throws nothing. */
  flush(): void {
    if (!this.#last) return;
    try {
      this.#store.write(KEY, this.#text.encode(JSON.stringify(this.#last)));
    } catch {
      // It stays in memory and is reported from there.
    }
  }

  #read(): DiaryEntry | undefined {
    try {
      const bytes = this.#store.read(KEY);
      if (!bytes) return undefined;
      const { phase, code, message, at } = JSON.parse(this.#text.decode(bytes)) as Record<string, unknown>;
      if (typeof phase !== "string" || typeof code !== "string" || typeof message !== "string")
        return undefined;
      return { phase, code, message, at: typeof at === "number" ? at : undefined };
    } catch {
      return undefined;
    }
  }
}
