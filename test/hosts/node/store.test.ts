// SPDX-License-Identifier: MIT

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { lockDirectory } from "../../../hosts/node/directory-lock";
import { FileStore } from "../../../hosts/node/store";

let base: string;
let directory: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "berth-test-"));
  directory = join(base, "a", "state");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const bytes = (...values: number[]) => Uint8Array.from(values);

test("a value is read back by this store and the next one", () => {
  const store = new FileStore(directory);
  expect(store.read("record.a")).toBeUndefined();
  store.write("record.a", bytes(0, 255, 13, 10));
  expect(store.read("record.a")).toEqual(bytes(0, 255, 13, 10));
  expect(new FileStore(directory).read("record.a")).toEqual(bytes(0, 255, 13, 10));
});

test("keys that differ in anything are apart, and none leaves the directory", () => {
  const store = new FileStore(directory);
  const keys = ["a", "A", ".", "..", "../a", "a/b", "a%2fb", "a\\b", "con", "fifteen-charact"];
  keys.forEach((key, index) => {
    store.write(key, bytes(index));
  });
  keys.forEach((key, index) => {
    expect(store.read(key)).toEqual(bytes(index));
  });
  const files = readdirSync(directory).map((name) => name.toLowerCase());
  expect(new Set(files).size).toBe(keys.length);
  expect(readdirSync(base)).toEqual(["a"]);
});

test("a write that fails leaves nothing behind and names the file", () => {
  const store = new FileStore(directory);
  mkdirSync(join(directory, "key.value", "x"), { recursive: true });
  const about = expect.stringContaining(join(directory, "key.value:"));
  expect(() => store.write("key", bytes(2))).toThrow(
    expect.objectContaining({ code: "store-failed", message: about }),
  );
  expect(readdirSync(directory)).toEqual(["key.value"]);
  expect(() => store.read("key")).toThrow(expect.objectContaining({ code: "store-failed" }));
});

test("what an interrupted write left behind does not matter, and is gone at the next start", async () => {
  const store = new FileStore(directory);
  store.write("key", bytes(1));
  writeFileSync(join(directory, "key.value.0123456789abcdef.tmp"), "half of a val");
  expect(new FileStore(directory).read("key")).toEqual(bytes(1));
  store.write("key", bytes(2));
  expect(store.read("key")).toEqual(bytes(2));
  (await lockDirectory(directory)).release();
  expect(readdirSync(directory)).toEqual(["key.value"]);
});

test("a file that Berth did not write is not swallowed, and stays", () => {
  const store = new FileStore(directory);
  writeFileSync(join(directory, "key.value"), "x".repeat(4001));
  expect(() => store.read("key")).toThrow(/4001 bytes.*move it away/);
  expect(statSync(join(directory, "key.value")).size).toBe(4001);
});

test("a path that is no directory is refused by name", () => {
  const file = join(base, "file");
  writeFileSync(file, "");
  expect(() => new FileStore(file)).toThrow(expect.objectContaining({ code: "store-failed" }));
  expect(() => new FileStore(file)).toThrow(file);
});

const unix = process.platform === "win32" ? test.skip : test;
unix("values are readable by their owner only", () => {
  const store = new FileStore(directory);
  store.write("key", bytes(1));
  expect(statSync(directory).mode & 0o077).toBe(0);
  expect(statSync(join(directory, "key.value")).mode & 0o077).toBe(0);
});
