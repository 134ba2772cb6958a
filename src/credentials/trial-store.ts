// SPDX-License-Identifier: MIT
/**
 * A value in use, and beside it one on trial that takes its place only when it has proven itself: two slots, and a record
 * of its own that says which is which.
 *
 * The slot in use is never written. What is new goes whole into the other one and is read back; then the record says that
 * it is on trial, and that record is kept as an assignment is (`RecordStore`). So whenever the power goes, the one in use
 * is there as it was, and the one on trial is whole or none.
 */
import { asBerthError, BerthError } from "../error";
import type { Store, TextCodec } from "../host";
import { decodeRecord, encodeRecord, type RecordCodec, RecordKind } from "../storage/record";
import { RecordStore, type SlotKeys } from "../storage/record-store";

export interface TrialKeys {
  readonly slots: readonly [string, string];
  readonly state: SlotKeys;
}

/** A slot: 1 or 2, and 0 for none. */
type SlotNumber = 0 | 1 | 2;

interface TrialState {
  /** Whose the values are; those of another are none. */
  readonly owner: number;
  readonly active: SlotNumber;
  readonly trial: SlotNumber;
  /** How often the one on trial has failed. */
  readonly tries: number;
  /** What the owner of the values wants to know of one that was given up. */
  readonly mark: number;
}

const BODY = 11;

const STATE: RecordCodec<TrialState> = Object.freeze({
  kind: RecordKind.TRIAL,
  encode({ owner, active, trial, tries, mark }: TrialState): Uint8Array {
    const body = new Uint8Array(BODY);
    const view = new DataView(body.buffer);
    view.setUint32(0, owner);
    view.setUint8(4, active);
    view.setUint8(5, trial);
    view.setUint8(6, tries);
    view.setUint32(7, mark);
    return body;
  },
  decode(body: Uint8Array): TrialState | undefined {
    if (body.length !== BODY) return undefined;
    const view = new DataView(body.buffer, body.byteOffset);
    const active = view.getUint8(4);
    const trial = view.getUint8(5);
    if (active > 2 || trial > 2 || (active === trial && active > 0)) return undefined;
    return {
      owner: view.getUint32(0),
      active: active as SlotNumber,
      trial: trial as SlotNumber,
      tries: view.getUint8(6),
      mark: view.getUint32(7),
    };
  },
});

const MOST_TRIES = 255;

export class TrialStore<Value> {
  readonly #store: Store;
  readonly #text: TextCodec;
  readonly #codec: RecordCodec<Value>;
  readonly #keys: TrialKeys;
  readonly #owner: number;
  readonly #states: RecordStore<TrialState>;
  #state: TrialState;
  /** Nothing of ours is in the store. */
  #isNew = true;

  /** Reads what is there. @param owner whose values count, 0 to 4,294,967,295 */
  constructor(store: Store, text: TextCodec, codec: RecordCodec<Value>, keys: TrialKeys, owner: number) {
    this.#store = store;
    this.#text = text;
    this.#codec = codec;
    this.#keys = keys;
    this.#owner = owner;
    this.#states = new RecordStore(store, text, STATE, keys.state);
    this.#state = this.#nothing;
    this.read();
  }

  /** Reads anew what is in use and on trial. */
  read(): void {
    const state = this.#states.read();
    this.#isNew = state?.owner !== this.#owner;
    this.#state = state && !this.#isNew ? state : this.#nothing;
  }

  /** The value in use; read from the store at each call. Undefined too where it cannot be read. */
  get active(): Value | undefined {
    return this.#valueIn(this.#state.active);
  }

  /** The value on trial, as `active`. */
  get trial(): Value | undefined {
    return this.#valueIn(this.#state.trial);
  }

  /** What was set aside with `draft`, as `active`. */
  get drafted(): Value | undefined {
    return this.#state.trial === 0 && !this.#isNew ? this.#valueIn(this.#free) : undefined;
  }

  get tries(): number {
    return this.#state.tries;
  }

  get mark(): number {
    return this.#state.mark;
  }

  /** Keeps `value` where one on trial would be, without trying it. @throws BerthError `store-failed`, and as the codec */
  draft(value: Value): void {
    this.#claim();
    if (this.#state.trial !== 0) this.#save({ ...this.#state, trial: 0, tries: 0 });
    this.#put(this.#free, value);
  }

  /** Puts `value` on trial. @throws BerthError `store-failed`: nothing is on trial then; and as the codec */
  offer(value: Value): void {
    this.draft(value);
    this.#save({ ...this.#state, trial: this.#free, tries: 0 });
  }

  /** The one on trial has failed once more. @throws BerthError `store-failed` */
  tried(): void {
    this.#save({ ...this.#state, tries: Math.min(this.#state.tries + 1, MOST_TRIES) });
  }

  /** The one on trial is the one in use from now on; the one before is removed. @throws BerthError `store-failed`: it stays on trial */
  believe(): void {
    const { active, trial } = this.#state;
    if (trial === 0) return;
    this.#save({ ...this.#state, active: trial, trial: 0, tries: 0, mark: 0 });
    this.#remove(active);
  }

  /** The one on trial is removed. @param mark kept @throws BerthError `store-failed`: it stays on trial */
  giveUp(mark = 0): void {
    const { trial } = this.#state;
    this.#save({ ...this.#state, trial: 0, tries: 0, mark });
    this.#remove(trial);
  }

  /** Removes what was set aside. */
  discard(): void {
    if (this.#state.trial === 0 && !this.#isNew) this.#remove(this.#free);
  }

  /** Removes all. @throws BerthError `store-failed`: some of it may count still */
  forget(): void {
    this.#states.forget();
    this.#state = this.#nothing;
    this.#isNew = true;
    this.#remove(1);
    this.#remove(2);
  }

  get #nothing(): TrialState {
    return { owner: this.#owner, active: 0, trial: 0, tries: 0, mark: 0 };
  }

  /** Where the next one goes. */
  get #free(): 1 | 2 {
    return this.#state.active === 1 ? 2 : 1;
  }

  /** What another owner has left behind goes before anything of ours comes. */
  #claim(): void {
    if (!this.#isNew) return;
    this.#remove(1);
    this.#remove(2);
    this.#save(this.#nothing);
    this.#isNew = false;
  }

  #save(state: TrialState): void {
    this.#states.write(state);
    this.#state = state;
  }

  #valueIn(slot: SlotNumber): Value | undefined {
    if (slot === 0) return undefined;
    try {
      const bytes = this.#store.read(this.#keyOf(slot));
      return bytes && decodeRecord(this.#codec, bytes, this.#text)?.value;
    } catch {
      return undefined;
    }
  }

  #put(slot: 1 | 2, value: Value): void {
    const key = this.#keyOf(slot);
    const bytes = encodeRecord(this.#codec, { sequence: 1, value }, this.#text);
    let kept: Uint8Array | undefined;
    try {
      this.#store.write(key, bytes);
      kept = this.#store.read(key);
    } catch (error) {
      throw error instanceof BerthError && error.code === "store-failed"
        ? error
        : new BerthError("store-failed", `${key}: ${asBerthError(error).message}`);
    }
    if (kept?.length !== bytes.length || !kept.every((byte, i) => byte === bytes[i])) {
      throw new BerthError("store-failed", `${key}: read back other than written`);
    }
  }

  /** What stays counts no more. */
  #remove(slot: SlotNumber): void {
    if (slot === 0) return;
    try {
      const key = this.#keyOf(slot);
      if (this.#store.read(key)) this.#store.delete(key);
    } catch {
      // A slot that cannot be read or removed is written over by the next one.
    }
  }

  #keyOf(slot: 1 | 2): string {
    return this.#keys.slots[slot - 1] as string;
  }
}
