// SPDX-License-Identifier: MIT
import { asBerthError } from "../../../src/error";
import { checkStoreKey, checkStoreValue, type Store } from "../../../src/host";
import type { LinuxNatives } from "./natives";
import { text } from "./text";

/** One file a key in a directory, named as hosts/node/store.ts names it: both can share a directory in turn. */
export class LinuxStore implements Store {
  readonly #natives: LinuxNatives;
  readonly #directory: string;

  /** @throws BerthError `store-failed` when the directory cannot be made */
  constructor(natives: LinuxNatives, directory: string) {
    this.#natives = natives;
    this.#directory = directory;
    attempt(() => natives.makeDirectory(text.encode(directory)));
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when the file cannot be read */
  read(key: string): Uint8Array | undefined {
    const file = this.#fileOf(key);
    const bytes = attempt(() => this.#natives.readFile(file));
    return bytes && new Uint8Array(bytes);
  }

  /** @throws BerthError `invalid-argument` for a bad key or value, `store-failed` when it cannot be made durable */
  write(key: string, value: Uint8Array): void {
    const file = this.#fileOf(key);
    checkStoreValue(key, value);
    attempt(() => this.#natives.writeFile(file, value));
  }

  /** @throws BerthError `invalid-argument` for a bad key, `store-failed` when the file cannot be removed */
  delete(key: string): void {
    const file = this.#fileOf(key);
    attempt(() => this.#natives.removeFile(file));
  }

  /** A path. */
  #fileOf(key: string): Uint8Array {
    checkStoreKey(key);
    const name = key.replace(/[^a-z0-9_-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
    return text.encode(`${this.#directory}/${name}.value`);
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asBerthError(error, "store-failed");
  }
}
