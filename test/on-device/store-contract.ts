// SPDX-License-Identifier: MIT
/** What every store must do (`Store` of src/host.ts). It runs on each of them, on the SDK and in berth-native, too. */
import type { Store } from "../../src/host";
import { type Case, equal, refused } from "./check";

const BAD_KEYS = ["", "x".repeat(16), "a b", " ", "a\n", "\0", "ключ"];
/** Apart from each other, whatever names of files are made of them. */
const GOOD_KEYS = ["a", "A", ".", "..", "../a", "a/b", "a%2fb", "a\\b", "con", "fifteen-charact"];

/** @param store that nothing else uses; the cases leave it empty */
export function storeContract(store: Store): Case[] {
  return [
    {
      name: "bytes of every value, 1 to 4,000, in a key of 15 characters; the last one counts",
      run: () => {
        const key = "x".repeat(15);
        for (const length of [4_000, 1, 255, 3_999]) {
          const value = new Uint8Array(length);
          for (let i = 0; i < length; i += 1) value[i] = i;
          store.write(key, value);
          equal(store.read(key), value);
        }
        store.delete(key);
      },
    },
    {
      name: "a view's bytes alone are kept, and no reference to them",
      run: () => {
        const whole = Uint8Array.of(9, 1, 2, 9);
        store.write("key", whole.subarray(1, 3));
        whole.fill(0);
        equal(store.read("key"), Uint8Array.of(1, 2));
        store.read("key")?.fill(7);
        equal(store.read("key"), Uint8Array.of(1, 2));
        store.delete("key");
      },
    },
    {
      name: "a key without a value is undefined; deleting it is no error",
      run: () => {
        equal(store.read("nothing"), undefined);
        store.delete("nothing");
        store.write("nothing", Uint8Array.of(1));
        store.delete("nothing");
        store.delete("nothing");
        equal(store.read("nothing"), undefined);
      },
    },
    {
      name: "keys that differ in anything are apart",
      run: () => {
        for (const [i, key] of GOOD_KEYS.entries()) store.write(key, Uint8Array.of(i));
        for (const [i, key] of GOOD_KEYS.entries()) equal([key, store.read(key)?.[0]], [key, i]);
        for (const key of GOOD_KEYS) store.delete(key);
        for (const key of GOOD_KEYS) equal([key, store.read(key)], [key, undefined]);
      },
    },
    {
      name: "an empty key, one of 16 characters, blanks and what is not printable ASCII are refused",
      run: () => {
        for (const key of BAD_KEYS) {
          refused("invalid-argument", () => store.read(key));
          refused("invalid-argument", () => store.write(key, Uint8Array.of(1)));
          refused("invalid-argument", () => store.delete(key));
        }
      },
    },
    {
      name: "no bytes, and 4,001, are refused, and leave the old value",
      run: () => {
        store.write("key", Uint8Array.of(7));
        refused("invalid-argument", () => store.write("key", new Uint8Array(0)));
        refused("invalid-argument", () => store.write("key", new Uint8Array(4_001)));
        equal(store.read("key"), Uint8Array.of(7));
        store.delete("key");
      },
    },
  ];
}
