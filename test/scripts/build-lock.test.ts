// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { withLock } from "../../scripts/build-lock.js";

let directory: string;
let lock: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  lock = join(directory, "lock");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("one at a time, each with its own result; nothing is left", async () => {
  let inside = 0;
  const work = async (result: number): Promise<number> => {
    inside += 1;
    expect(inside).toBe(1);
    expect(existsSync(lock)).toBe(true);
    await new Promise(setImmediate);
    inside -= 1;
    return result;
  };
  expect(await Promise.all([1, 2, 3].map((number) => withLock(lock, () => work(number))))).toEqual([1, 2, 3]);
  expect(existsSync(lock)).toBe(false);
});

test("work that fails gives the lock back", async () => {
  const failed = withLock(lock, () => Promise.reject(new Error("of the work")));
  await expect(failed).rejects.toThrow("of the work");
  expect(existsSync(lock)).toBe(false);
});

test("the lock of a process that has died is taken over", async () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(lock, String(pid));
  expect(await withLock(lock, () => Promise.resolve("done"))).toBe("done");
});
