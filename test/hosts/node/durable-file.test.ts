// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { replaceDurably } from "../../../hosts/node/durable-file";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);

test("a file is replaced whole, and only its owner can read it", () => {
  const path = join(directory, "file");
  writeFileSync(path, "something longer", { mode: 0o644 });
  replaceDurably(path, bytes("new"));
  expect(readFileSync(path, "utf8")).toBe("new");
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("what a crash left behind does not lend its mode", () => {
  const path = join(directory, "file");
  writeFileSync(`${path}.tmp`, "rest", { mode: 0o666 });
  replaceDurably(path, bytes("secret"));
  expect(readFileSync(path, "utf8")).toBe("secret");
  if (process.platform !== "win32") expect(statSync(path).mode & 0o077).toBe(0);
});

test("a failure leaves nothing of the content behind", () => {
  const path = join(directory, "taken");
  mkdirSync(path);
  expect(() => replaceDurably(path, bytes("secret"))).toThrow();
  expect(readdirSync(directory)).toEqual(["taken"]);
});
