// SPDX-License-Identifier: MIT
/**
 * Keeps a value through power cuts: three slots, written in turn, the newest whole one counts.
 *
 * A write goes to the slot with the oldest record, and is read back before it is believed. Whatever a store does to
 * a key while it writes (erase first, tear in the middle), the slot that counts still holds the record before.
 *
 * A slot that cannot be read (a key of another type, a bad page) may hold the newest record of all. It is not
 * written over: the record goes to another slot, with a sequence number that is far ahead of all that can be seen.
 * A power cut before that record is whole leaves everything as it was, also when the slot can be read again;
 * afterwards the new one counts in either case. Only then is the slot that could not be read deleted, which mends
 * it where that can be mended.
 *
 * 'Far ahead' holds as long as no slot is by itself that far ahead of all others: should that one be the next that
 * cannot be read, the next number would be no newer than its own. So after such a jump the same record is written
 * again, one number on, over the record that counted before. And three in turn, not two: when a write was torn,
 * two whole records are left, so that the number of one tells about the other. What remains: the power goes, or the
 * store fails, between those two writes, and before the next write has ended the slot of the first can no longer
 * be read while the one that could not be read can. Without a fourth slot nothing that is left then tells of the jump.
 *
 * 'Forgotten' is written twice, too, and all other slots are deleted, so that no slot that fails later brings the
 *  value back.
 */
import { asBerthError, BerthError } from "../error";
import type { Store, TextCodec } from "../host";
import { decodeRecord, encodeRecord, type RecordCodec, type StoredRecord } from "./record";

/** The keys of the slots of one value, short enough for the store. */
export type SlotKeys = readonly [string, string, string];

const LAST_SEQUENCE = 0xffffffff;

/** By so much a record is ahead of the newest one while a slot cannot be read: more than that one can be. */
const UNSEEN = 0x10000;

/** A slot as it was found. */
interface Slot<Value> {
  readonly key: string;
  /** Why it cannot be read; undefined when it can. */
  readonly error: BerthError | undefined;
  readonly empty: boolean;
  /** Undefined for anything but a whole record. */
  readonly record: StoredRecord<Value> | undefined;
}

export class RecordStore<Value> {
  readonly #store: Store;
  readonly #text: TextCodec;
  readonly #codec: RecordCodec<Value>;
  readonly #keys: SlotKeys;
  #isSure = true;

  constructor(store: Store, text: TextCodec, codec: RecordCodec<Value>, keys: SlotKeys) {
    this.#store = store;
    this.#text = text;
    this.#codec = codec;
    this.#keys = keys;
  }

  /** The newest value, or undefined when there is none or it was forgotten. A slot that cannot be read does not count. */
  read(): Value | undefined {
    const slots = this.#slots();
    this.#isSure = !slots.some(({ error }) => error);
    return newestOf(slots)?.record?.value;
  }

  /** False when the last `read` could not read a slot, which may hold a newer value. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /**
   * Keeps `value`; the one before stays until this one can be read back.
   * @throws BerthError `store-failed` when it cannot be written or read back, or so many slots cannot be read that
   *   the newest record might be written over: the one before still counts, unless the store wrote all the same;
   *   `invalid-argument` as the codec
   */
  write(value: Value): void {
    this.#put(this.#slots(), value);
  }

  /**
   * Forgets the value: after a power cut at any point it is either still kept or
   * forgotten.
   * @throws BerthError `store-failed` as `write`
   */
  forget(): void {
    const slots = this.#slots();
    // What cannot be read, or not be understood (a record of a later version), may be a value, and would come back.
    const forgotten = ({ error, empty, record }: Slot<Value>): boolean =>
      !error && (empty || (record !== undefined && record.value === undefined));
    if (!slots.every(forgotten)) this.#put(slots, undefined);
  }

  #put(slots: readonly Slot<Value>[], value: Value | undefined): void {
    const newest = newestOf(slots);
    const unreadable = slots.find(({ error }) => error);
    const target = oldestOf(slots, newest);
    const next = sequenceOf(newest) + (unreadable ? UNSEEN : 1);
    const twice = unreadable !== undefined || value === undefined;
    // 4 billion writes: out of the life of any flash, but a record could claim it. What cannot be read would then
    // be ahead of the new record, and nobody knows whether it is the newest: it may not be deleted before, either.
    const wraps = next + (twice ? 1 : 0) > LAST_SEQUENCE;
    if (!target || (wraps && unreadable)) throw unreadable?.error;
    this.#write(target.key, { sequence: wraps ? 1 : next, value });
    const second = newest ?? oldestOf(slots, target);
    if (twice && !wraps && second) this.#writeAgain(second.key, { sequence: next + 1, value });
    for (const slot of slots) {
      const spent = wraps || value === undefined || slot.error;
      if (spent && slot !== target && slot !== second && !slot.empty) this.#delete(slot.key, wraps);
    }
    if (wraps && newest) this.#delete(newest.key, true);
  }

  #write(key: string, record: StoredRecord<Value>): void {
    const value = encodeRecord(this.#codec, record, this.#text);
    let kept: Uint8Array | undefined;
    try {
      this.#store.write(key, value);
      kept = this.#store.read(key);
    } catch (error) {
      throw storeFailed(key, error);
    }
    if (!kept || !same(kept, value)) {
      throw new BerthError("store-failed", `${key}: read back other than written`);
    }
  }

  /** The record counts already. */
  #writeAgain(key: string, record: StoredRecord<Value>): void {
    try {
      this.#write(key, record);
    } catch {
      // What is there is older. It may stay, unless it is to be forgotten.
      if (record.value === undefined) this.#delete(key, false);
    }
  }

  /** @param must whether it would count if it stayed */
  #delete(key: string, must: boolean): void {
    try {
      this.#store.delete(key);
    } catch (error) {
      if (must) throw storeFailed(key, error);
    }
  }

  #slots(): Slot<Value>[] {
    return this.#keys.map((key) => {
      try {
        const value = this.#store.read(key);
        const record = value && decodeRecord(this.#codec, value, this.#text);
        return { key, error: undefined, empty: value === undefined, record };
      } catch (error) {
        return { key, error: storeFailed(key, error), empty: false, record: undefined };
      }
    });
  }
}

/** The slot whose record counts. */
function newestOf<Value>(slots: readonly Slot<Value>[]): Slot<Value> | undefined {
  let newest: Slot<Value> | undefined;
  for (const slot of slots) {
    if (slot.record && !(newest && sequenceOf(newest) >= sequenceOf(slot))) newest = slot;
  }
  return newest;
}

/** The slot that is written next: the oldest record, or none; undefined where no other than `but` can be read. */
function oldestOf<Value>(
  slots: readonly Slot<Value>[],
  but: Slot<Value> | undefined,
): Slot<Value> | undefined {
  let oldest: Slot<Value> | undefined;
  for (const slot of slots) {
    if (slot !== but && !slot.error && !(oldest && sequenceOf(oldest) <= sequenceOf(slot))) oldest = slot;
  }
  return oldest;
}

/** 0 without a record. */
function sequenceOf(slot: Slot<unknown> | undefined): number {
  return slot?.record?.sequence ?? 0;
}

function storeFailed(key: string, error: unknown): BerthError {
  // The host has said which one and why.
  if (error instanceof BerthError && error.code === "store-failed") return error;
  return new BerthError("store-failed", `${key}: ${asBerthError(error).message}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
