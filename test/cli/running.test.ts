// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { announce, type Running, runningEmulators } from "../../cli/service/running";

const RUNNING: Running = {
  pid: process.pid,
  address: "127.0.0.1",
  port: 2,
  httpsPort: 3,
  amqpsPort: 4,
  idScope: "0ne0",
  root: "PEM",
  hubs: ["hub.example"],
  dps: "dps.example",
  connectionStrings: [],
};

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("what is announced is found, by its port, until it is withdrawn; for its owner only", () => {
  expect(runningEmulators(home)).toEqual([]);
  const withdraw = announce(home, RUNNING);
  const other = announce(home, { ...RUNNING, pid: process.ppid, port: 1 });
  expect(runningEmulators(home).map(({ port }) => port)).toEqual([1, 2]);
  const path = join(home, "emulators", `${process.pid}.json`);
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
  withdraw();
  other();
  expect(runningEmulators(home)).toEqual([]);
});

test("what a killed one has left is removed, and what cannot be read is passed over", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  announce(home, { ...RUNNING, pid });
  mkdirSync(join(home, "emulators"), { recursive: true });
  writeFileSync(join(home, "emulators", "1.json"), "{");
  expect(runningEmulators(home)).toEqual([]);
  expect(readdirSync(join(home, "emulators"))).toEqual(["1.json"]);
});
