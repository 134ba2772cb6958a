// SPDX-License-Identifier: MIT
/** `berth` in a checkout: it runs what the sources are now, or nothing. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const PARTS =
  "cli src hosts emulator simulator factory firmware scripts certificates package.json package-lock.json".split(
    " ",
  );
const SHOWN = "cli/sas.ts";

let checkout: string;

beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "berth checkout-"));
  for (const part of [...PARTS, "tsconfig.base.json"]) {
    cpSync(join(PROJECT, part), join(checkout, part), { recursive: true });
  }
  symlinkSync(join(PROJECT, "node_modules"), join(checkout, "node_modules"));
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

function berth(...words: string[]) {
  return spawnSync(process.execPath, ["cli/berth.js", ...words], { cwd: checkout, encoding: "utf8" });
}

/** Replaces words that `berth --help` shows, by others of their length. */
function change(from: string, to: string): void {
  const file = join(checkout, SHOWN);
  const text = readFileSync(file, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replaceAll(from, to));
}

const built = () => statSync(join(checkout, "dist", "inputs.json")).mtimeMs;

test("what was never built is built, and built once", () => {
  expect(berth("--help")).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringContaining("print a shared"),
  });
  const first = built();
  expect(berth("--help")).toMatchObject({ status: 0 });
  expect(built()).toBe(first);
});

test("a change is in the next start, also one that is older and of the same size", () => {
  change("print a shared", "print b shared");
  expect(berth("--help").stdout).toContain("print b shared");
  change("print b shared", "print c shared");
  utimesSync(join(checkout, SHOWN), 1_000_000_000, 1_000_000_000);
  expect(berth("--help").stdout).toContain("print c shared");
});

test("sources that cannot be built: an error, and nothing old runs", () => {
  const file = join(checkout, SHOWN);
  const text = readFileSync(file, "utf8");
  writeFileSync(file, `${text}\nconst = 1;\n`);
  for (const _ of [1, 2]) {
    const { status, stdout, stderr } = berth("--help");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`${SHOWN}:`);
    expect(stderr).toMatch(/^berth: dist\/ cannot be built from these sources$/m);
  }
  writeFileSync(file, text);
  expect(berth("--help")).toMatchObject({ status: 0, stderr: "" });
});

test("a source that is gone is a change", () => {
  const file = join(checkout, "cli", "printable.ts");
  const text = readFileSync(file, "utf8");
  rmSync(file);
  expect(berth("--help")).toMatchObject({ status: 1, stdout: "" });
  writeFileSync(file, text);
  expect(berth("--help")).toMatchObject({ status: 0 });
});

test("processes that start at the same time build it once, and all of them run", () => {
  change("print c shared", "print d shared");
  const starts = Array.from({ length: 4 }, () => `"${process.execPath}" cli/berth.js --help & `).join("");
  const { stdout } = spawnSync("sh", ["-c", `${starts} wait`], { cwd: checkout, encoding: "utf8" });
  expect(stdout.match(/^Usage: berth/gm)).toHaveLength(4);
  expect(stdout.match(/print d shared/g)).toHaveLength(4);
});

test("a checkout without npm ci: one line", () => {
  rmSync(join(checkout, "node_modules"));
  change("print d shared", "print e shared");
  const { status, stdout, stderr } = berth("--help");
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toBe("berth: this checkout is not installed; run `npm ci` in it, without --omit=dev\n");
});
