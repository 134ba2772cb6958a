// SPDX-License-Identifier: MIT
import { asBerthError, BerthError } from "../../src/error";
import { checkStoreKey, checkStoreValue, type Store } from "../../src/host";

/** A value as `preference` has it. */
export type PreferenceValue = string | number | boolean | ArrayBuffer;

/** What is needed of `preference`. */
export interface Preferences {
  get(domain: string, key: string): PreferenceValue | undefined;
  set(domain: string, key: string, value: PreferenceValue): void;
  delete(domain: string, key: string): void;
}

/**
 * The store of the core in one domain of `preference`: NVS on ESP32, a JSON file in the simulators.
 *
 * A write is not atomic: on ESP32 the key is erased before it is written, in the simulators the file is deleted
 * before it is written. The core's slots are made for that.
 */
export class PreferenceStore implements Store {
  readonly #preferences: Preferences;
  readonly #domain: string;

  /** @throws BerthError `invalid-argument` for a domain that NVS would not take */
  constructor(preferences: Preferences, domain: string) {
    checkStoreKey(domain, "domain of NVS");
    this.#preferences = preferences;
    this.#domain = domain;
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when NVS fails or the key holds no bytes */
  read(key: string): Uint8Array | undefined {
    checkStoreKey(key);
    const value = this.#attempt("read", key, () => this.#preferences.get(this.#domain, key));
    if (value === undefined) return undefined;
    if (!(value instanceof ArrayBuffer)) {
      throw new BerthError("store-failed", `${this.#domain}/${key} holds a ${typeof value}, not bytes`);
    }
    return new Uint8Array(value);
  }

  /** @throws BerthError `invalid-argument` for a bad key or value, `store-failed` when NVS fails (full, for example) */
  write(key: string, value: Uint8Array): void {
    checkStoreKey(key);
    checkStoreValue(key, value);
    this.#attempt("write", key, () => this.#preferences.set(this.#domain, key, value.slice().buffer));
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when NVS fails */
  delete(key: string): void {
    checkStoreKey(key);
    this.#attempt("delete", key, () => this.#preferences.delete(this.#domain, key));
  }

  #attempt<T>(doing: string, key: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw new BerthError(
        "store-failed",
        `cannot ${doing} ${this.#domain}/${key}: ${asBerthError(error).message}`,
      );
    }
  }
}
