// SPDX-License-Identifier: MIT
/** What the operating system refuses: a full disk is played by a limit of 0 bytes a file, which takes no rights. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { SystemFailure, systemError } from "../../cli/system-error";
import { BerthError } from "../../src/error";
import { berth } from "./command";

const BERTH = fileURLToPath(new URL("../../cli/berth.js", import.meta.url));
const KEY = Buffer.alloc(32, 7).toString("base64");

// Brings dist/ to what the sources are, which needs room.
beforeAll(() => void spawnSync(process.execPath, [BERTH, "--version"]));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);

/** `berth` where no byte goes into a file. */
function withoutRoom(...words: string[]) {
  const environment = { ...process.env, TMPDIR: at("temporary") };
  mkdirSync(at("temporary"));
  return spawnSync("sh", ["-c", 'ulimit -f 0; exec "$0" "$@"', process.execPath, BERTH, ...words], {
    encoding: "utf8",
    env: environment,
  });
}

/** Names of files and of directories that hold some, below `path`. */
function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

const onUnix = process.platform === "win32" ? test.skip : test;

onUnix.each([
  ["emulator --example", ["emulator", "--example"], "out", "--example: ", "out"],
  [
    "identity certificates",
    ["identity", "certificates", "--registration-id", "d", "--directory"],
    "out",
    "--directory: ",
    "out/root.key.pem",
  ],
  [
    "identity factory",
    ["identity", "factory", "--csv", "t.csv", "--id-scope", "0ne0", "--out"],
    "out",
    "--out: ",
    "out/d.csv",
  ],
  [
    "identity efuse",
    ["identity", "efuse", "--chip", "esp32s3", "--block", "1", "--symmetric-key", KEY, "--out"],
    "out",
    "--out: ",
    "out",
  ],
])("no room for %s: option, file and reason, status 1, no empty file", (_, words, out, option, file) => {
  writeFileSync(at("t.csv"), `registrationId,symmetricKey\nd,${KEY}\n`);
  const given = words.map((word) => (word === "t.csv" ? at(word) : word));
  const { status, stdout, stderr } = withoutRoom(...given, at(out));
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain(`berth: ${option}${at(file)}: file too large; raise the limit`);
  expect(stderr).toContain("[EFBIG]");
  if (existsSync(at(out))) expect(filesBelow(at(out))).toEqual([]);
});

onUnix("no room for the emulator's state names --state, in JSON too", async () => {
  expect((await berth("emulator", "--example", at("berth.json"))).status).toBe(0);
  const words = ["emulator", "--config", at("berth.json"), "--port", "0", "--state", at("state"), "--json"];
  const { status, stdout } = withoutRoom(...words);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    event: "error",
    code: "EFBIG",
    retriable: false,
    message: expect.stringContaining(`--state: ${at("state")}`),
  });
});

const onLinux = process.platform === "linux" ? test : test.skip;

// A process of its own: what would not return could not be ended here.
onLinux.each([
  ["--state", ["device", "--id-scope", "0ne0", "--registration-id", "d", "--symmetric-key", KEY, "--state"]],
  ["--example", ["emulator", "--example"]],
  ["--directory", ["identity", "certificates", "--registration-id", "d", "--directory"]],
  ["--out", ["identity", "factory", "--csv", "t.csv", "--id-scope", "0ne0", "--out"]],
])("%s where no directory can be made is told", (option, words) => {
  writeFileSync(at("t.csv"), `registrationId,symmetricKey\nd,${KEY}\n`);
  const given = words.map((word) => (word === "t.csv" ? at(word) : word));
  const { status, stderr } = spawnSync(process.execPath, [BERTH, ...given, "/proc/berth/below"], {
    encoding: "utf8",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  expect(status).toBe(2);
  expect(stderr).toMatch(
    new RegExp(
      `^berth: ${option}: /proc/berth.*: no such file or directory; no directory can be made there`,
      "m",
    ),
  );
});

const SYSTEM = { errno: -28, code: "ENOSPC", syscall: "write" };
test("a full disk is no wrong argument, a missing file is one, and other errors stay as they are", () => {
  const full = systemError(Object.assign(new Error(), SYSTEM), "--state", "/s");
  expect(full).toBeInstanceOf(SystemFailure);
  expect(full).toMatchObject({
    code: "ENOSPC",
    message: "--state: /s: no space left on device; make room, or take another disk",
  });
  const missing = { ...SYSTEM, errno: -2, code: "ENOENT", path: "/x" };
  expect(systemError(Object.assign(new Error(), missing), "--ca")).toMatchObject({
    code: "invalid-argument",
    message: "--ca: /x: no such file or directory; correct the name, or make its directory",
  });
  for (const other of [new Error("x"), new BerthError("closed"), undefined, "x"])
    expect(systemError(other)).toBe(other);
});
