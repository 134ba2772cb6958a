// SPDX-License-Identifier: MIT
/** Stores that lose power, run full or lie, as flash does. */
import { checkStoreKey, checkStoreValue, type Store } from "../../src/host";

/** The device is gone: nothing after it runs until a new one is made on the same flash. */
export class PowerCut extends Error {}

/** What survives a power cut: keys to values. */
export type Flash = Map<string, Uint8Array>;

/**
 * How a write goes on: the states of its key one after the other, of which the power may go after each. The
 * first is what was there, the last the whole new value; `undefined` is no value.
 */
export interface Tearing {
  readonly states: (value: Uint8Array) => number;
  /** State 1 to the last but one. */
  readonly state: (
    before: Uint8Array | undefined,
    value: Uint8Array,
    index: number,
  ) => Uint8Array | undefined;
}

const NOTHING = new Uint8Array(0);

function byteByByte(tail: (before: Uint8Array, value: Uint8Array, count: number) => Uint8Array): Tearing {
  return {
    states: (value) => value.length + 2,
    state: (before = NOTHING, value, index) => {
      const count = index - 1;
      const rest = tail(before, value, count);
      const torn = new Uint8Array(count + rest.length);
      torn.set(value.subarray(0, count));
      torn.set(rest, count);
      return torn;
    },
  };
}

export const TEARINGS: readonly (readonly [string, Tearing])[] = [
  ["all or nothing", { states: () => 2, state: () => undefined }],
  // `Preference.set` of the Moddable SDK on ESP32.
  ["erased first, then there", { states: () => 3, state: () => undefined }],
  // A file that is written anew.
  ["truncated, then longer byte by byte", byteByByte(() => NOTHING)],
  // A file that is written over.
  ["written over byte by byte", byteByByte((before, _, count) => before.subarray(count))],
  // A page of flash that was erased before.
  ["the rest erased flash", byteByByte((_, value, count) => new Uint8Array(value.length - count).fill(0xff))],
  [
    "the rest anything",
    byteByByte((_, value, count) =>
      Uint8Array.from({ length: value.length - count }, (__, i) => (i * 193 + count * 71 + 29) & 0xff),
    ),
  ],
];

/** A store on `flash` whose power goes after so many steps of its writes and deletes. */
export class TornStore implements Store {
  readonly #flash: Flash;
  readonly #tearing: Tearing;
  /** States passed through so far, by all writes and deletes. */
  steps = 0;
  readonly #cutAfter: number;

  /** @param cutAfter the state at which the power goes; Infinity for never */
  constructor(flash: Flash, tearing: Tearing, cutAfter = Number.POSITIVE_INFINITY) {
    this.#flash = flash;
    this.#tearing = tearing;
    this.#cutAfter = cutAfter;
  }

  read(key: string): Uint8Array | undefined {
    checkStoreKey(key);
    return this.#flash.get(key)?.slice();
  }

  write(key: string, value: Uint8Array): void {
    checkStoreKey(key);
    checkStoreValue(key, value);
    this.#pass(key, value.slice(), this.#tearing);
  }

  delete(key: string): void {
    checkStoreKey(key);
    this.#pass(key, undefined, { states: () => 2, state: () => undefined });
  }

  #pass(key: string, value: Uint8Array | undefined, { states, state }: Tearing): void {
    const before = this.#flash.get(key);
    const last = states(value ?? NOTHING) - 1;
    const index = Math.min(this.#cutAfter - this.steps, last);
    const now = index === last ? value : index === 0 ? before : state(before, value ?? NOTHING, index);
    if (now) this.#flash.set(key, now);
    else this.#flash.delete(key);
    this.steps += index + 1;
    if (this.steps > this.#cutAfter) throw new PowerCut();
  }
}

/** A store of which some keys cannot be read: NVS throws for a value of another type, for example. */
export class BlindStore implements Store {
  readonly #store: Store;
  readonly #blind: Set<string>;
  readonly #heals: boolean;

  /** @param heals whether a key can be read once it has been written or deleted */
  constructor(store: Store, blind: readonly string[], heals: boolean) {
    this.#store = store;
    this.#blind = new Set(blind);
    this.#heals = heals;
  }

  read(key: string): Uint8Array | undefined {
    checkStoreKey(key);
    if (this.#blind.has(key)) throw new Error("ESP_ERR_NVS_TYPE_MISMATCH");
    return this.#store.read(key);
  }

  write(key: string, value: Uint8Array): void {
    this.#store.write(key, value);
    if (this.#heals) this.#blind.delete(key);
  }

  delete(key: string): void {
    this.#store.delete(key);
    if (this.#heals) this.#blind.delete(key);
  }
}
