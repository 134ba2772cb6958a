// SPDX-License-Identifier: MIT
/**
 * Keeps the assignment through power cuts: two slots, written in turn, the newest whole one counts.
 *
 * A write goes to a slot that does not count, and is read back before it is believed. Whatever a store does to a
 * key while it writes (erase first, tear in the middle), the slot that counts still holds the record before.
 *
 * A slot that cannot be read (a key of another type, a bad page) may hold the newest record of all. It is not
 * written over: a third slot takes its place, with a sequence number that is far ahead. A power cut before that
 * record is whole leaves everything as it was, also when the slot can be read again; afterwards the new one counts
 * in either case. Only then is the slot that could not be read deleted, which mends it where that can be mended.
 */
import { asBerthError, BerthError } from "../error";
import type { Store, TextCodec } from "../host";
import { type Assignment, type AssignmentRecord, decodeRecord, encodeRecord } from "./record";

/** The keys of the slots, short enough for NVS; the last is only used while another cannot be read. */
export const SLOT_KEYS: readonly [string, string, string] = Object.freeze([
  "assignment0",
  "assignment1",
  "assignment2",
]);

const LAST_SEQUENCE = 0xffffffff;

/** By so much a record is ahead of the newest one while a slot cannot be read: more than that one can be. */
const UNSEEN = 0x10000;

/** A slot as it was found. */
interface Slot {
  readonly key: string;
  /** Why it cannot be read; undefined when it can. */
  readonly error: BerthError | undefined;
  readonly empty: boolean;
  /** Undefined for anything but a whole record. */
  readonly record: AssignmentRecord | undefined;
}

export class AssignmentStore {
  readonly #store: Store;
  readonly #text: TextCodec;

  constructor(store: Store, text: TextCodec) {
    this.#store = store;
    this.#text = text;
  }

  /** The newest assignment, or undefined when there is none or it was forgotten. A slot that cannot be read does not count. */
  read(): Assignment | undefined {
    return newestOf(this.#slots())?.record?.assignment;
  }

  /**
   * Keeps `assignment`; the one before stays until this one can be read back.
   * @throws BerthError `store-failed` when it cannot be written or read back, or so many slots cannot be read that
   *   the newest record might be written over: the one before still counts, unless the store wrote all the same;
   *   `invalid-argument` for a field over 255 bytes
   */
  write(assignment: Assignment): void {
    this.#put(this.#slots(), assignment);
  }

  /**
   * Forgets the assignment, so that the device registers anew: after a power cut at any point either still kept
   * or forgotten.
   * @throws BerthError `store-failed` as `write`
   */
  forget(): void {
    const slots = this.#slots();
    // What cannot be read may be an assignment, and would come back.
    if (newestOf(slots)?.record?.assignment || slots.some(({ error }) => error)) this.#put(slots, undefined);
  }

  #put(slots: readonly Slot[], assignment: Assignment | undefined): void {
    const newest = newestOf(slots);
    const unreadable = slots.find(({ error }) => error);
    const target = slots.find((slot) => slot !== newest && !slot.error);
    const next = (newest?.record?.sequence ?? 0) + (unreadable ? UNSEEN : 1);
    // 4 billion writes: out of the life of any flash, but a record could claim it. What cannot be read would then
    // be ahead of the new record, and nobody knows whether it is the newest: it may not be deleted before, either.
    const wraps = next > LAST_SEQUENCE;
    if (!target || (wraps && unreadable)) throw unreadable?.error;
    const value = encodeRecord({ sequence: wraps ? 1 : next, assignment }, this.#text);
    let kept: Uint8Array | undefined;
    try {
      this.#store.write(target.key, value);
      kept = this.#store.read(target.key);
    } catch (error) {
      throw storeFailed(target.key, error);
    }
    if (!kept || !same(kept, value)) {
      throw new BerthError("store-failed", `${target.key}: read back other than written`);
    }
    // Older than the one before: nobody needs it, and nothing of it may come back.
    for (const slot of slots) {
      if (slot !== target && slot !== newest && !slot.empty) this.#delete(slot.key, wraps);
    }
    if (wraps && newest) this.#delete(newest.key, true);
  }

  /** @param must whether it would count if it stayed */
  #delete(key: string, must: boolean): void {
    try {
      this.#store.delete(key);
    } catch (error) {
      if (must) throw storeFailed(key, error);
    }
  }

  #slots(): Slot[] {
    return SLOT_KEYS.map((key) => {
      try {
        const value = this.#store.read(key);
        const record = value && decodeRecord(value, this.#text);
        return { key, error: undefined, empty: value === undefined, record };
      } catch (error) {
        return { key, error: storeFailed(key, error), empty: false, record: undefined };
      }
    });
  }
}

/** The slot whose record counts. */
function newestOf(slots: readonly Slot[]): Slot | undefined {
  let newest: Slot | undefined;
  for (const slot of slots) {
    if (slot.record && !(newest?.record && newest.record.sequence >= slot.record.sequence)) newest = slot;
  }
  return newest;
}

function storeFailed(key: string, error: unknown): BerthError {
  // The host has said which one and why.
  if (error instanceof BerthError && error.code === "store-failed") return error;
  return new BerthError("store-failed", `${key}: ${asBerthError(error).message}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
