// SPDX-License-Identifier: MIT
import { closeSync, fstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BerthError } from "../../src/error";
import { checkStoreKey, checkStoreValue, LONGEST_STORE_VALUE, type Store } from "../../src/host";
import { makeDirectory, replaceDurably, syncDirectory } from "./durable-file";

/**
 * One file a key in a directory. A value is written beside the old one, synced and renamed over it:
 * after a power cut there is the old value or the new one. One process at a time owns the directory.
 */
export class FileStore implements Store {
  readonly #directory: string;

  /**
   * Makes the directory when it is missing, readable by its owner only.
   * @throws BerthError `store-failed` when it cannot be made or is no directory.
   */
  constructor(directory: string) {
    this.#directory = resolve(directory);
    attempt("make the directory", this.#directory, () => {
      const made = makeDirectory(this.#directory);
      if (made !== undefined) syncDirectory(dirname(made));
    });
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when the file cannot be read. */
  read(key: string): Uint8Array | undefined {
    const file = this.#fileOf(key);
    return attempt("read", file, () => {
      const descriptor = openIfThere(file);
      if (descriptor === undefined) return undefined;
      try {
        const size = fstatSync(descriptor).size;
        if (size > LONGEST_STORE_VALUE) {
          throw new Error(
            `it has ${size} bytes, more than the ${LONGEST_STORE_VALUE} that Berth writes; move it away`,
          );
        }
        return new Uint8Array(readFileSync(descriptor));
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /** @throws BerthError `invalid-argument` for a bad key or value, `store-failed` when it cannot be made durable. */
  write(key: string, value: Uint8Array): void {
    const file = this.#fileOf(key);
    checkStoreValue(key, value);
    attempt("write", file, () => replaceDurably(file, value));
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when the file cannot be removed. */
  delete(key: string): void {
    const file = this.#fileOf(key);
    attempt("remove", file, () => {
      rmSync(file, { force: true });
      syncDirectory(this.#directory);
    });
  }

  #fileOf(key: string): string {
    checkStoreKey(key);
    // Upper case is encoded too: some file systems do not tell it from lower case.
    const name = key.replace(/[^a-z0-9_-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
    return join(this.#directory, `${name}.value`);
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function attempt<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const next = code === "ENOSPC" || code === "EDQUOT" ? "; it is full, make room" : "";
    throw new BerthError("store-failed", `cannot ${doing} ${path}: ${message}${next}`);
  }
}
