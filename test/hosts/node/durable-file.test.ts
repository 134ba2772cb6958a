// SPDX-License-Identifier: MIT
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import {
  makeDirectory,
  removeTemporaries,
  replaceDurably,
  replaceDurablyAsync,
} from "../../../hosts/node/durable-file";

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

const ways: [string, (path: string, content: Uint8Array) => void | Promise<void>][] = [
  ["blocking", replaceDurably],
  ["asynchronously", replaceDurablyAsync],
];

test.each(ways)("%s: a link is replaced, and what it names is not written", async (_way, replace) => {
  const victim = join(directory, "victim");
  const path = join(directory, "file");
  writeFileSync(victim, "precious");
  symlinkSync(victim, path);
  await replace(path, bytes("new"));
  expect(readFileSync(victim, "utf8")).toBe("precious");
  expect(lstatSync(path).isSymbolicLink()).toBe(false);
  expect(readFileSync(path, "utf8")).toBe("new");
});

test.each(ways)(
  "%s: a failure names the file and leaves nothing of the content behind",
  async (_way, replace) => {
    const path = join(directory, "taken");
    mkdirSync(path);
    const failure = await Promise.resolve()
      .then(() => replace(path, bytes("secret")))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ path });
    expect(readdirSync(directory)).toEqual(["taken"]);
  },
);

test("writes that overlap leave one of them whole", async () => {
  const path = join(directory, "file");
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
  await Promise.all(contents.map((content) => replaceDurablyAsync(path, bytes(content))));
  expect(contents).toContain(readFileSync(path, "utf8"));
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("what writers that were killed have left goes, and nothing else", () => {
  const names = ["file", "file.tmp", "mine.abc.tmp", "file.0123456789abcdef.tmp"];
  for (const name of names) writeFileSync(join(directory, name), "");
  removeTemporaries(directory);
  expect(readdirSync(directory).sort()).toEqual(["file", "file.tmp", "mine.abc.tmp"]);
});

test("directories are made with those that lead to them, and the outermost is named", () => {
  const path = join(directory, "a", "b", "c");
  expect(makeDirectory(path)).toBe(join(directory, "a"));
  expect([makeDirectory(path), makeDirectory(directory)]).toEqual([undefined, undefined]);
  if (process.platform !== "win32")
    for (const made of ["a", "a/b", "a/b/c"])
      expect(statSync(join(directory, made)).mode & 0o777).toBe(0o700);
  const file = join(path, "file");
  writeFileSync(file, "");
  expect(() => makeDirectory(file)).toThrow(expect.objectContaining({ code: "EEXIST" }));
  const below = expect.objectContaining({
    syscall: "mkdir",
    code: expect.stringMatching(/^ENOTDIR|ENOENT$/),
  });
  expect(() => makeDirectory(join(file, "d", "e"))).toThrow(below);
});
