// SPDX-License-Identifier: MIT
/** `berth device --emulator`, and what it sends and answers by hand. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { announce, runningOf } from "../../cli/service/running";
import type { Emulator } from "../../emulator/emulator";
import { configuration, GROUP_KEY, HUB, startEmulator } from "../helpers/emulator-client";
import { BerthProcess, berth, berthIn, HOME } from "./command";

let emulator: Emulator;
let withdraw: () => void;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  emulator = await startEmulator();
  withdraw = announce(HOME, runningOf(emulator, "127.0.0.1"));
});
afterAll(async () => {
  withdraw();
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

const device = (id: string, ...more: string[]) => [
  "device",
  ...["--emulator", String(emulator.port), "--registration-id", id],
  ...["--state", join(directory, id), ...more],
];

test("scope, root and key come from the emulator; messages and properties from the command line", async () => {
  const words = device(
    "dev-1",
    "--data",
    "one",
    "--data",
    "two",
    "--properties",
    "a=1",
    "--properties",
    "b=x=y",
  );
  expect(await berth(...words)).toMatchObject({ status: 0, err: "" });
  const [first, second] = emulator.telemetry.slice(-2);
  expect([first?.body.toString(), second?.body.toString()]).toEqual(["one", "two"]);
  expect([...(second?.properties ?? [])]).toEqual([
    ["a", "1"],
    ["b", "x=y"],
  ]);
  const again = await berth(...device("dev-1", "--data", "in turn", "--telemetry", "2"));
  expect(again.out).toContain("telemetry 2 acknowledged");
});

test("without --issue, where a certificate was issued before, it says what is to be given", async () => {
  const words = [
    "--enrollment-id",
    "issued",
    "--credential-policy",
    "any",
    "--emulator",
    String(emulator.port),
  ];
  expect(await berth("dps", "enrollment", "create", ...words)).toMatchObject({ status: 0 });
  expect(await berth(...device("issued", "--telemetry", "0", "--issue"))).toMatchObject({
    status: 0,
    err: "",
  });
  const refused = new Promise<string>((resolve) =>
    emulator.events.once("refuse", ({ reason }) => resolve(reason)),
  );
  const { status, err } = await berth(...device("issued", "--telemetry", "0"));
  expect(status).toBe(1);
  expect(err).toMatch(/^berth: .*issued keeps a certificate .*; give --issue to show it\n/);
  expect(await refused).toContain("the certificate that was issued to it");
  expect(await berth(...device("issued", "--telemetry", "0", "--issue"))).toMatchObject({
    status: 0,
    err: "",
  });
});

test.each(["websocket", "the port of HTTPS"])("WebSocket: %s", async (where) => {
  const transport = where === "websocket" ? where : `websocket:${emulator.httpsPort}`;
  const { status, err } = await berth(
    ...device(`by-${transport}`.replace(":", "-"), "--transport", transport),
  );
  expect({ status, err }).toEqual({ status: 0, err: "" });
});

test("a key that is none is told by its file", async () => {
  const file = join(directory, "short.key");
  writeFileSync(file, "AAAA\n");
  const { status, err } = await berth(...device("dev-1", "--symmetric-key-file", file));
  expect(status).toBe(2);
  expect(err).toContain(`${file}: the symmetric key has 3 bytes`);
});

test("a device of a group has its key derived, and answers methods", async () => {
  const running = new BerthProcess([
    ...device("grouped", "--telemetry", "0", "--stay", "--json"),
    ...["--method", 'blink=201:{"done":true}', "--method", "off=200"],
  ]);
  try {
    await running.event("connected");
    const invoke = (name: string) =>
      berth(
        "hub",
        "method",
        "invoke",
        "-d",
        "grouped",
        "--method-name",
        name,
        "--connect-timeout",
        "20",
        "--json",
      );
    expect(JSON.parse((await invoke("blink")).out)).toEqual({ status: 201, payload: { done: true } });
    expect(JSON.parse((await invoke("off")).out)).toEqual({ status: 200, payload: null });
    expect(JSON.parse((await invoke("other")).out)).toMatchObject({ status: 501 });
    expect(await running.event("method", { name: "blink" })).toMatchObject({ status: 201 });
  } finally {
    running.kill("SIGINT");
  }
  expect((await running.ended).status).toBe(0);
});

test.each([
  [["--properties", "x"], "Give NAME=VALUE"],
  [["--method", "blink"], "Give NAME=STATUS"],
  [["--method", "blink=200:{"], "is not JSON"],
  [["--method", "blink=200", "--engine", "native"], "--engine node only"],
  [["--message", "x"], "Here it is --data."],
])("%j is refused", async (more, message) => {
  const { status, err } = await berth(...device("dev-1", ...more));
  expect(status).toBe(2);
  expect(err).toContain(message);
});

test("an emulator that does not run is no wrong command line", async () => {
  const { status, err } = await berth(...device("dev-1", "--emulator", "1"));
  expect(status).toBe(1);
  expect(err).toMatch(/--emulator: none has the port 1; they run on .* \[no-emulator\]\n$/);
  const none = await berthIn({ BERTH_HOME: directory }, "hub", "device", "list");
  expect(none).toMatchObject({
    status: 1,
    err: expect.stringContaining("no emulator runs on this computer"),
  });
});

test("without a scope and without an emulator nothing starts", async () => {
  const { status, err } = await berth("device", "--registration-id", "d", "--symmetric-key", GROUP_KEY);
  expect(status).toBe(2);
  expect(err).toContain("no --id-scope; give it, or --emulator PORT");
});

test("an emulator that has no key for the device says what to do", async () => {
  const other = await startEmulator({
    configuration: configuration({ enrollmentGroups: [], iotHubs: [{ name: HUB }] }),
  });
  const gone = announce(HOME, { ...runningOf(other, "127.0.0.1"), pid: process.ppid });
  try {
    const words = ["device", "--emulator", String(other.port), "--registration-id", "stranger"];
    const { status, err } = await berth(...words);
    expect(status).toBe(2);
    expect(err).toContain("has no enrollment with a key for stranger; give --symmetric-key-file");
  } finally {
    gone();
    await other.stop();
  }
});
