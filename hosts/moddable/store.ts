// SPDX-License-Identifier: MIT
import { asBerthError, BerthError } from "../../src/error";
import type { Store } from "../../src/host";

/** The limits of NVS on ESP32. The simulators have none: they are kept here, so that both fail alike. */
export const LONGEST_KEY = 15;
export const LONGEST_VALUE = 4000;

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
    checkName("domain", domain);
    this.#preferences = preferences;
    this.#domain = domain;
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when NVS fails or the key holds no bytes */
  read(key: string): Uint8Array | undefined {
    checkName("key", key);
    const value = this.#attempt("read", key, () => this.#preferences.get(this.#domain, key));
    if (value === undefined) return undefined;
    if (!(value instanceof ArrayBuffer)) {
      throw new BerthError("store-failed", `${this.#domain}/${key} holds a ${typeof value}, not bytes`);
    }
    return new Uint8Array(value);
  }

  /** @throws BerthError `invalid-argument` for a bad key or value, `store-failed` when NVS fails (full, for example) */
  write(key: string, value: Uint8Array): void {
    checkName("key", key);
    // An empty value does not come back from the simulators' file as it went in.
    if (value.length === 0 || value.length > LONGEST_VALUE) {
      throw new BerthError(
        "invalid-argument",
        `the value for "${key}" has ${value.length} bytes; the store takes 1 to ${LONGEST_VALUE}`,
      );
    }
    this.#attempt("write", key, () => this.#preferences.set(this.#domain, key, value.slice().buffer));
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when NVS fails */
  delete(key: string): void {
    checkName("key", key);
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

/** NVS takes 1 to 15 characters for a key and for a domain (its "namespace"). */
function checkName(what: string, name: string): void {
  if (name.length < 1 || name.length > LONGEST_KEY || !/^[\x21-\x7e]+$/.test(name)) {
    throw new BerthError(
      "invalid-argument",
      `"${name}" is no ${what} of NVS: 1 to ${LONGEST_KEY} printable ASCII characters`,
    );
  }
}
