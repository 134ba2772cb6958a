// SPDX-License-Identifier: MIT
/** What a user is told where an engine cannot be built, and what an engine cannot take. */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { BerthProcess, berth, eventsOf } from "./command";

jest.setTimeout(60_000);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A folder with programs that only say yes or no. */
function programs(answers: Readonly<Record<string, string>>): string {
  for (const [name, script] of Object.entries(answers)) {
    const path = join(directory, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  return directory;
}

const YES = "exit 0";
/** A compiler without the headers of mbedTLS. */
const NO_HEADERS = '[ "$1" = --version ]';

test.each([
  ["make", {}, "make is not installed; on Debian: apt-get install build-essential"],
  ["a compiler", { make: YES }, "cc is not installed; on Debian: apt-get install build-essential"],
  [
    "mbedTLS",
    { make: YES, cc: NO_HEADERS },
    "mbedTLS is not installed; on Debian: apt-get install libmbedtls-dev",
  ],
])("native without %s: status 2, and what to install", async (_what, answers, message) => {
  const words = ["simulate", "--engine", "native"];
  const { status, out, err } = await new BerthProcess(words, { PATH: programs(answers) }).ended;
  expect({ status, out }).toEqual({ status: 2, out: "" });
  if (process.platform === "linux") expect(err).toContain(message);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("XS without a compiler: one line that says why, and Node.js instead", async () => {
  const words = ["simulate", "--engine", "xs", "--telemetry", "1"];
  const { status, out, err } = await new BerthProcess(words, { CC: "no-such-compiler", CI: "" }).ended;
  expect(status).toBe(0);
  expect(err).toMatch(/^(berth: building .*\n)?berth: no XS engine: .*make and a C compiler.*\n$/);
  expect(out).toMatch(/^Engine: Node\.js \S+, in place of xs$/m);
});

test("XS without a compiler in CI: an error", async () => {
  const words = ["device", "--engine", "xs", "--id-scope", "0ne0", "--registration-id", "d", "--json"];
  const state = join(directory, "state");
  const { status, out } = await new BerthProcess([...words, "--state", state], {
    BERTH_SYMMETRIC_KEY: Buffer.alloc(32, 7).toString("base64"),
    CC: "no-such-compiler",
    CI: "true",
  }).ended;
  expect(status).toBe(2);
  expect(eventsOf(out).at(-1)).toMatchObject({
    event: "error",
    code: "invalid-argument",
    message: expect.stringContaining("no XS engine: it needs make and a C compiler"),
  });
  expect(existsSync(state)).toBe(false);
});

test("an engine that there is not is a wrong command line", async () => {
  for (const command of ["simulate", "device"]) {
    const { status, out, err } = await berth(command, "--engine", "v8");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain("node, xs, native");
  }
});
