// SPDX-License-Identifier: MIT
/** What a user is told where an engine cannot be built, and what an engine cannot take. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { BerthProcess, berth } from "./command";

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

test("an engine that there is not is a wrong command line", async () => {
  for (const command of ["simulate", "device"]) {
    const { status, out, err } = await berth(command, "--engine", "xs");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain("node, native");
  }
});
