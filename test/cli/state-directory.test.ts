// SPDX-License-Identifier: MIT
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { inStateDirectory } from "../../cli/state-directory";
import type { Emulator } from "../../emulator/emulator";
import { lockDirectory } from "../../hosts/node/directory-lock";
import { KEY, SCOPE, startEmulator } from "../helpers/emulator-client";
import { berth } from "./command";

let directory: string;
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ dps: { retryAfter: 0 } });
});
afterAll(() => emulator.stop());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const device = (state: string, idScope = SCOPE) =>
  berth(
    ...["device", "--id-scope", idScope, "--registration-id", "dev-1", "--symmetric-key", KEY],
    ...["--endpoint", "127.0.0.1", "--port", String(emulator.port), "--ca", emulator.ca.path],
    ...[
      "--connect-to",
      `${emulator.hubs[0]}:127.0.0.1:${emulator.port}`,
      "--state",
      state,
      "--timeout",
      "25",
    ],
  );

test("a second device in a state directory is told who holds it, and the first goes on", async () => {
  const state = join(directory, "state");
  const lock = await lockDirectory(state);
  const second = await device(state);
  expect(second.status).toBe(1);
  expect(second.err).toContain(
    `--state: ${state} is in use by process ${process.pid}; stop it, or take another directory`,
  );
  expect(readdirSync(state)).toEqual(["holder.pid"]);
  lock.release();
  const alone = await device(state);
  expect([alone.status, alone.err]).toEqual([0, ""]);
  expect(readdirSync(state).every((name) => name.endsWith(".value"))).toBe(true);
});

test("a wrong ID scope leaves no directory behind, and removes none that was there", async () => {
  const state = join(directory, "new", "state");
  expect((await device(state, "0ne000WRONG")).status).toBe(1);
  expect(existsSync(join(directory, "new"))).toBe(false);
  mkdirSync(state, { recursive: true });
  expect((await device(state, "0ne000WRONG")).status).toBe(1);
  expect(readdirSync(state)).toEqual([]);
});

test("what throws frees the directory", async () => {
  const state = join(directory, "state");
  await expect(inStateDirectory(state, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
  expect(await inStateDirectory(state, async () => readdirSync(state))).toEqual(["holder.pid"]);
  expect(existsSync(state)).toBe(false);
});

test("a second emulator in a state directory is told who holds it", async () => {
  const config = join(directory, "new", "config.json");
  expect((await berth("emulator", "--example", config)).status).toBe(0);
  const state = join(directory, "state");
  const lock = await lockDirectory(state);
  const second = await berth("emulator", "--config", config, "--port", "0", "--state", state);
  lock.release();
  expect(second.status).toBe(1);
  expect(second.err).toContain(`--state: ${state} is in use by process ${process.pid}`);
});

test("under umask 0 directories are 0700 and files 0600", async () => {
  if (process.platform === "win32") return;
  const before = process.umask(0);
  try {
    const certificates = join(directory, "certificates");
    await berth("identity", "certificates", "--registration-id", "x-1", "--directory", certificates);
    await berth("emulator", "--example", join(directory, "example", "config.json"));
    for (const name of ["certificates", "example"]) {
      const path = join(directory, name);
      expect(statSync(path).mode & 0o777).toBe(0o700);
      expect(readdirSync(path)).not.toEqual([]);
      for (const file of readdirSync(path)) expect(statSync(join(path, file)).mode & 0o777).toBe(0o600);
    }
  } finally {
    process.umask(before);
  }
});

test.each(["device", "emulator"])(
  "a %s is told of a --state that is a file, or leads through one",
  async (who) => {
    const config = join(directory, "config.json");
    expect((await berth("emulator", "--example", config)).status).toBe(0);
    const start = (state: string) =>
      who === "device"
        ? device(state)
        : berth("emulator", "--config", config, "--port", "0", "--state", state);
    const file = await start(config);
    expect(file).toMatchObject({ status: 2, out: "" });
    expect(file.err).toBe(`berth: --state: ${config} is a file; name a directory [invalid-argument]\n`);
    const below = await start(join(config, "state"));
    expect(below.status).toBe(2);
    expect(below.err).toContain(`berth: --state: ${join(config, "state")}: `);
    expect(below.err).toContain("a part of the name is a file; correct it");
  },
);
