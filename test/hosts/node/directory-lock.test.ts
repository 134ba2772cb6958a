// SPDX-License-Identifier: MIT
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
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
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { build } from "esbuild";
import { DirectoryInUse, lockDirectory } from "../../../hosts/node/directory-lock";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const source = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** Makes one file of JavaScript that Node runs without more. */
async function bundled(code: string): Promise<string> {
  const file = join(directory, "child.mjs");
  await build({
    stdin: { contents: code, resolveDir: source("."), loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: file,
    logLevel: "error",
  });
  return file;
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

test("a directory is made for its owner only, and is one holder's until it is released", async () => {
  const path = join(directory, "a", "b");
  const lock = await lockDirectory(path);
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o700);
  const refusal = `${path} is in use by process ${process.pid}; stop it, or take another directory`;
  await expect(lockDirectory(path)).rejects.toThrow(refusal);
  await expect(lockDirectory(path)).rejects.toThrow(DirectoryInUse);
  lock.release();
  lock.release();
  expect(readdirSync(path)).toEqual([]);
  (await lockDirectory(path)).release();
});

test("another name of a directory is no other directory", async () => {
  mkdirSync(join(directory, "real"));
  symlinkSync(join(directory, "real"), join(directory, "link"));
  const lock = await lockDirectory(join(directory, "link"));
  await expect(lockDirectory(join(directory, "real"))).rejects.toThrow(DirectoryInUse);
  lock.release();
});

test("who waits gets it when it is free", async () => {
  const first = await lockDirectory(directory);
  const second = lockDirectory(directory, 30_000);
  first.release();
  (await second).release();
});

test("of many at the same time one wins", async () => {
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
  const won = all.filter(({ status }) => status === "fulfilled");
  expect(won).toHaveLength(1);
  for (const one of all) if (one.status === "fulfilled") one.value.release();
});

test("the file that names the holder is not written through a link, and what it says locks nothing", async () => {
  const victim = join(directory, "victim");
  writeFileSync(victim, "precious");
  const path = join(directory, "state");
  mkdirSync(path);
  symlinkSync(victim, join(path, "holder.pid"));
  (await lockDirectory(path)).release();
  expect(readFileSync(victim, "utf8")).toBe("precious");
  writeFileSync(join(path, "holder.pid"), `${process.ppid}\n`);
  (await lockDirectory(path)).release();
});

test("50 kills during writes: each time the file is whole, nothing is locked, and nothing is left behind", async () => {
  const state = join(directory, "state");
  const file = join(state, "file");
  const child = await bundled(`
    import { lockDirectory } from "./hosts/node/directory-lock";
    import { replaceDurably, replaceDurablyAsync } from "./hosts/node/durable-file";
    await lockDirectory(${JSON.stringify(state)});
    for (let round = 0; ; round++) {
      const text = Buffer.from(JSON.stringify({ round, padding: "x".repeat(50_000), end: round }));
      if (round % 2) replaceDurably(${JSON.stringify(file)}, text);
      else await replaceDurablyAsync(${JSON.stringify(file)}, text);
      if (round === 1) process.stdout.write("writing");
    }
  `);
  for (let kill = 0; kill < 50; kill++) {
    const writer = spawn(process.execPath, [child], { stdio: ["ignore", "pipe", "inherit"] });
    await once(writer.stdout, "data");
    await expect(lockDirectory(state)).rejects.toThrow(`in use by process ${writer.pid}`);
    await killed(writer);
    const { round, end } = JSON.parse(readFileSync(file, "utf8")) as { round: number; end: number };
    expect(end).toBe(round);
    (await lockDirectory(state)).release();
    expect(readdirSync(state)).toEqual(["file"]);
  }
});
