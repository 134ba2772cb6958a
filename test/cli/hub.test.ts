// SPDX-License-Identifier: MIT
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { HUB, startEmulator } from "../helpers/emulator-client";
import { berth } from "./command";

let directory: string;
let emulator: Emulator;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  emulator = await startEmulator({ stateDirectory: directory });
});
afterAll(async () => {
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

const WORDS = ["hub", "connection-string"];

test("connection strings of a running emulator: all, or one by host and policy", async () => {
  const all = emulator.connectionStrings;
  const { status, out, err } = await berth(...WORDS, "--state", directory);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(out).toBe(all.map(({ connectionString }) => `${connectionString}\n`).join(""));
  const one = await berth(...WORDS, "--state", directory, "--host", HUB, "--policy", "service", "--json");
  expect(JSON.parse(one.out)).toEqual({
    event: "connection-string",
    ...all.find(({ host, policy }) => host === HUB && policy === "service"),
  });
});

test("--events: what Event Hubs' SDKs read telemetry with", async () => {
  const { status, out } = await berth(...WORDS, "--state", directory, "--events");
  expect(status).toBe(0);
  // The state does not know the port: SDKs take 5671 without one.
  const all = emulator.eventsConnectionStrings.map(({ connectionString }) =>
    connectionString.replace(`:${emulator.amqpsPort}/`, "/"),
  );
  expect(out.split("\n").slice(0, -1)).toEqual(all);
  expect(all[0]).toMatch(/^Endpoint=sb:\/\/contoso\.azure-devices\.net\/;SharedAccessKeyName=iothubowner;/);
});

test("what a running emulator keeps is exported, for its owner, and over nothing that is there", async () => {
  const file = join(directory, "export.json");
  const words = ["emulator", "--state", directory, "--export", file];
  expect(await berth(...words)).toMatchObject({ status: 0, out: `made  ${file}\n`, err: "" });
  const { version, policies } = JSON.parse(readFileSync(file, "utf8"));
  expect([version, policies.length]).toEqual([1, emulator.connectionStrings.length]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await berth(...words);
  expect(again).toMatchObject({
    status: 2,
    err: expect.stringContaining(`--export: ${file} is there already`),
  });
  const nowhere = await berth("emulator", "--export", `${file}.2`);
  expect(nowhere).toMatchObject({ status: 2, err: expect.stringContaining("by --state") });
});

test("a directory without a state, and a policy that is not there", async () => {
  const nowhere = await berth(...WORDS, "--state", join(directory, "none"));
  expect(nowhere).toMatchObject({
    status: 2,
    out: "",
    err: expect.stringContaining("holds no state of an emulator"),
  });
  const none = await berth(...WORDS, "--state", directory, "--policy", "owner");
  expect(none).toMatchObject({ status: 2, out: "", err: expect.stringContaining("there is no such policy") });
  expect(none.err).toMatch(new RegExp(`iothubowner, .*${HUB.replaceAll(".", "\\.")}`));
});
