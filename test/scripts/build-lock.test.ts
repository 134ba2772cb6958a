// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { withLock } from "../../scripts/build-lock";

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

const dead = () => String(spawnSync(process.execPath, ["--version"]).pid);

test.each<[string, () => string]>([
  ["a process that has died", dead],
  ["nobody, left by one that was killed or by a full disk", () => ""],
])("the lock of %s is taken over", async (_what, holder) => {
  writeFileSync(lock, holder());
  expect(await withLock(lock, () => Promise.resolve("done"))).toBe("done");
  expect(readdirSync(directory)).toEqual([]);
});

const onLinux = process.platform === "linux" ? test : test.skip;
onLinux("the lock of a process whose number another has by now is taken over", async () => {
  writeFileSync(lock, `${process.pid} 1 x`);
  expect(await withLock(lock, () => Promise.resolve("done"))).toBe("done");
});

test("a lock is never without its content, and many that take one over at once are one at a time", async () => {
  writeFileSync(lock, dead());
  const module = new URL("../../scripts/build-lock.ts", import.meta.url).href;
  const inside = join(directory, "inside");
  const script = `
    import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
    import { withLock } from ${JSON.stringify(module)};
    await withLock(${JSON.stringify(lock)}, async () => {
      mkdirSync(${JSON.stringify(inside)});
      if (!readFileSync(${JSON.stringify(lock)}, "utf8").startsWith(process.pid + " ")) process.exit(2);
      await new Promise(setImmediate);
      rmdirSync(${JSON.stringify(inside)});
    });`;
  const ends = Array.from({ length: 6 }, async () => {
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: "ignore",
    });
    return (await once(child, "close"))[0];
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(readdirSync(directory)).toEqual([]);
});

test("who waits for long is told once for what", async () => {
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(line);
    giveBack();
  };
  let giveBack: () => void = () => undefined;
  const held = withLock(
    lock,
    () =>
      new Promise<void>((resolve) => {
        giveBack = resolve;
      }),
  );
  await withLock(lock, () => Promise.resolve(), { log, patience: 1 });
  await held;
  expect(lines).toEqual([expect.stringContaining(`remove ${lock}`)]);
});
