// SPDX-License-Identifier: MIT
/**
 * Keeps the assignment through power cuts: two slots, written in turn, the newest whole one counts.
 *
 * A write goes to the slot that does not count, and is read back before it is believed. Whatever a store does
 * to a key while it writes (erase first, tear in the middle), the other slot still holds the record before.
 */
import { asBerthError, BerthError } from "../error";
import type { Store, TextCodec } from "../host";
import { type Assignment, type AssignmentRecord, decodeRecord, encodeRecord } from "./record";

/** The keys of the two slots, short enough for NVS. */
export const SLOT_KEYS: readonly [string, string] = Object.freeze(["assignment0", "assignment1"]);

const LAST_SEQUENCE = 0xffffffff;

export class AssignmentStore {
  readonly #store: Store;
  readonly #text: TextCodec;

  constructor(store: Store, text: TextCodec) {
    this.#store = store;
    this.#text = text;
  }

  /** The newest assignment, or undefined when there is none or it was forgotten. A store that fails to read counts as empty. */
  read(): Assignment | undefined {
    return this.#newest(true)?.record.assignment;
  }

  /**
   * Keeps `assignment`; the one before stays until this one can be read back.
   * @throws BerthError `store-failed` when it cannot be written or read back, or what is there cannot be read:
   *   the one before still counts, unless the store wrote all the same; `invalid-argument` for a field over 255
   *   bytes
   */
  write(assignment: Assignment): void {
    this.#put(assignment);
  }

  /**
   * Forgets the assignment, so that the device registers anew: after a power cut at any point either still kept
   * or forgotten.
   * @throws BerthError `store-failed` as `write`
   */
  forget(): void {
    if (this.#newest(false)?.record.assignment) this.#put(undefined);
  }

  #put(assignment: Assignment | undefined): void {
    const newest = this.#newest(false);
    const sequence = (newest?.record.sequence ?? 0) + 1;
    // 4 billion writes: out of the life of any flash, but a record could claim it.
    const record: AssignmentRecord = { sequence: sequence > LAST_SEQUENCE ? 1 : sequence, assignment };
    const slot = newest?.slot === 0 ? 1 : 0;
    const key = SLOT_KEYS[slot];
    const value = encodeRecord(record, this.#text);
    let kept: Uint8Array | undefined;
    try {
      this.#store.write(key, value);
      kept = this.#store.read(key);
    } catch (error) {
      throw storeFailed(key, error);
    }
    if (!kept || !same(kept, value))
      throw new BerthError("store-failed", `${key}: read back other than written`);
    if (record.sequence < sequence) this.#delete(SLOT_KEYS[slot === 0 ? 1 : 0]);
  }

  #delete(key: string): void {
    try {
      this.#store.delete(key);
    } catch (error) {
      throw storeFailed(key, error);
    }
  }

  /** @param lenient a slot that cannot be read counts as empty; otherwise it is an error: it must not be written over blindly */
  #newest(lenient: boolean): { readonly slot: 0 | 1; readonly record: AssignmentRecord } | undefined {
    const first = this.#slot(0, lenient);
    const second = this.#slot(1, lenient);
    if (second && (!first || second.sequence > first.sequence)) return { slot: 1, record: second };
    return first && { slot: 0, record: first };
  }

  #slot(slot: 0 | 1, lenient: boolean): AssignmentRecord | undefined {
    const key = SLOT_KEYS[slot];
    let value: Uint8Array | undefined;
    try {
      value = this.#store.read(key);
    } catch (error) {
      if (lenient) return undefined;
      throw storeFailed(key, error);
    }
    return value && decodeRecord(value, this.#text);
  }
}

function storeFailed(key: string, error: unknown): BerthError {
  return new BerthError("store-failed", `${key}: ${asBerthError(error).message}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
