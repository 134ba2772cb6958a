// SPDX-License-Identifier: MIT
/** Keeps what slows a device down over a restart. A store that fails is the assignment's business: here nothing is thrown. */
import type { Host } from "../host";
import { decodeRecord, encodeRecord, type RecordCodec } from "../storage/record";
import { RETRY_KEY, type RetryRecord, retryCodec } from "../storage/retry-record";
import type { Identity } from "./identity";
import type { Retry } from "./retry";

/** What slowed the device down so long ago counts no longer: one day. */
const RECORD_LIFE = 86_400_000;

export class RetryStore {
  readonly #host: Host;
  readonly #codec: RecordCodec<RetryRecord>;
  readonly #retry: Retry;
  readonly #attended: boolean;
  /** What another run has left was looked for: until then nothing is written over it. */
  #restored = false;
  /** There is a record in the store. */
  #exists = false;

  /** @param attended only what DPS itself has told is kept and taken up, and its operation */
  constructor(host: Host, identity: Identity, retry: Retry, attended: boolean) {
    this.#host = host;
    this.#codec = retryCodec(identity);
    this.#retry = retry;
    this.#attended = attended;
  }

  /** There is a record in the store, which may say too much. */
  get exists(): boolean {
    return this.#exists;
  }

  /** Takes up what another run has left, once and when the clock is set. */
  restore(): void {
    const { clock, store, text } = this.#host;
    const wall = clock.now();
    if (this.#restored || wall === undefined) return;
    this.#restored = true;
    try {
      const value = store.read(RETRY_KEY);
      this.#exists = value !== undefined;
      const record = value && decodeRecord(this.#codec, value, text)?.value;
      if (!record || Math.abs(wall - record.savedAt) > RECORD_LIFE) return;
      const [attempts = 0, finals = 0, failures = 0, rounds = 0, registrations = 0, refusals = 0] = this
        .#attended
        ? []
        : record.counts;
      // Ticks at which it was written. A clock that was set back makes no wait longer.
      const then = clock.ticks() - Math.max(0, wall - record.savedAt);
      if (record.operationId !== undefined) {
        this.#retry.assigning(record.operationId, then - record.operationAge);
      }
      const counts = { attempts, finals, failures, rounds, registrations, refusals };
      const wait = this.#attended ? record.toldWait : record.dpsWait;
      this.#retry.restore(counts, then + wait, then + record.toldWait);
    } catch {
      // Nothing is known of another run.
    }
  }

  /** What another run has left does not count. */
  forget(): void {
    this.#restored = this.#exists = true;
    this.save();
  }

  /** Writes the record, or takes it away where nothing is slowed down. */
  save(): void {
    const { clock, store, text } = this.#host;
    const retry = this.#retry;
    const wall = clock.now();
    const now = clock.ticks();
    const nothing = this.#attended
      ? retry.toldAt <= now && retry.operationId === undefined
      : retry.isFresh(now);
    if (!this.#restored || (wall === undefined && !nothing)) return;
    try {
      if (wall === undefined || nothing) {
        if (this.#exists) store.delete(RETRY_KEY);
        this.#exists = false;
        return;
      }
      const { attempts, finals, failures, rounds, registrations, refusals } = retry;
      const value = {
        savedAt: wall,
        dpsWait: retry.dpsAt - now,
        toldWait: retry.toldAt - now,
        counts: [attempts, finals, failures, rounds, registrations, refusals],
        operationId: retry.operationId,
        operationAge: now - retry.operationSince,
      };
      store.write(RETRY_KEY, encodeRecord(this.#codec, { sequence: 1, value }, text));
      this.#exists = true;
    } catch {
      // The next restart forgets, and the device comes back sooner.
    }
  }
}
