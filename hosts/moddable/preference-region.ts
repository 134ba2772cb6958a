// SPDX-License-Identifier: MIT
import { ERASED } from "../../src/outbox/record";
import { type FlashRegion, LONGEST_STORE_VALUE } from "../../src/host";
import { type Preferences, PreferenceStore } from "./store";

/** A sector each under a key of its own. A write is a whole sector's: not for a board, where NVS would wear. */
export class PreferenceRegion implements FlashRegion {
  readonly sectors = 8;
  readonly sectorSize = LONGEST_STORE_VALUE;
  readonly #store: PreferenceStore;

  constructor(preferences: Preferences) {
    this.#store = new PreferenceStore(preferences, "berth-outbox");
  }

  erase(sector: number): void {
    this.#store.delete(keyOf(sector));
  }

  /** Within one sector, as `write`. */
  read(at: number, target: Uint8Array): void {
    const sector = Math.floor(at / this.sectorSize);
    const from = at - sector * this.sectorSize;
    target.set(this.#sector(sector).subarray(from, from + target.length));
  }

  write(at: number, bytes: Uint8Array): void {
    const sector = Math.floor(at / this.sectorSize);
    const whole = this.#sector(sector);
    whole.set(bytes, at - sector * this.sectorSize);
    this.#store.write(keyOf(sector), whole);
  }

  #sector(sector: number): Uint8Array {
    const value = this.#store.read(keyOf(sector));
    return value?.length === this.sectorSize ? value : new Uint8Array(this.sectorSize).fill(ERASED);
  }
}

function keyOf(sector: number): string {
  return `sector${sector}`;
}
