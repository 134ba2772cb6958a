// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "@jest/globals";
import { build } from "esbuild";
import { native, withNative } from "../../helpers/native";

const base = mkdtempSync(join(tmpdir(), "berth-random-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

withNative("the first delays and nonces of two runs differ", async () => {
  const script = join(base, "random.js");
  await build({
    entryPoints: ["test/hosts/native/inside/random-numbers.ts"],
    bundle: true,
    format: "iife",
    target: "es2022",
    outfile: script,
    logLevel: "silent",
  });
  const lines = [1, 2].flatMap(() => {
    const { status, stdout } = spawnSync(native?.host ?? "", [script], { input: "", encoding: "utf8" });
    expect(status).toBe(0);
    return stdout.trim().split("\n");
  });
  expect(new Set(lines).size).toBe(4);
});
