// SPDX-License-Identifier: MIT
import type { Store } from "../../src/host";

/** A few small values in memory: a device of a fleet has one, seldom two. */
export class SmallStore implements Store {
  readonly #values: (readonly [string, Uint8Array])[] = [];

  read(key: string): Uint8Array | undefined {
    return this.#values.find(([name]) => name === key)?.[1].slice();
  }

  write(key: string, value: Uint8Array): void {
    this.delete(key);
    this.#values.push([key, value.slice()]);
  }

  delete(key: string): void {
    const at = this.#values.findIndex(([name]) => name === key);
    if (at >= 0) this.#values.splice(at, 1);
  }
}
