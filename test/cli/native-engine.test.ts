// SPDX-License-Identifier: MIT
/** How a device on the native engine ends, with programs that misbehave in place of berth-native. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { EngineDevice, EngineHandler } from "../../cli/device-engine";
import { runDevice } from "../../cli/device-run";
import { nativeEngineOf } from "../../cli/native-engine";
import type { CliEvent } from "../../cli/output";
import type { AgentOptions } from "../../src/agent/agent";
import type { BerthError } from "../../src/error";

const KEY = Buffer.alloc(32, 7).toString("base64");
const IDENTITY = { idScope: "0ne0", registrationId: "d", attestation: "symmetricKey" } as const;
const AGENT: AgentOptions = { identity: IDENTITY };
/** Reads the settings, then is ready. */
const READY = `read settings; echo '{"event":"ready"}'`;
/** Waits for the end of its input. */
const UNTIL_END = "cat > /dev/null";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});

afterEach(() => {
  delete process.env.BERTH_SYMMETRIC_KEY;
  rmSync(directory, { recursive: true, force: true });
});

function program(script: string): string {
  const path = join(directory, "program");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const device = () => ({ stateDirectory: directory, roots: [], symmetricKey: KEY });

/** What the handler was told, and the device. */
async function start(path: string, grace?: number) {
  const lines: string[] = [];
  const ended: BerthError[] = [];
  let told: (error: BerthError) => void = () => undefined;
  const end = new Promise<BerthError>((resolve) => {
    told = resolve;
  });
  const handler = {
    onLine: (line: string) => lines.push(line),
    onEnded: (error: BerthError) => {
      ended.push(error);
      told(error);
    },
  } as unknown as EngineHandler;
  const agent: EngineDevice = await nativeEngineOf(path, grace).start(device(), AGENT, handler);
  return { agent, lines, ended, end };
}

test.each<[string, string, string, string]>([
  ["ends without a word", "exit 3", "internal", "exit status 3"],
  ["is killed", "kill -9 $$", "internal", "SIGKILL"],
  [
    "refuses its settings",
    `read s; echo '{"event":"refused","code":"store-failed","message":"x"}'; exit 64`,
    "store-failed",
    "the assignment could not be kept",
  ],
])("a program that %s does not start", async (_what, script, code, message) => {
  await expect(start(program(script))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("a program that is not there does not start", async () => {
  await expect(start(join(directory, "missing"))).rejects.toMatchObject({
    code: "internal",
    message: expect.stringContaining("ENOENT"),
  });
});

test("what it prints beside events comes in lines; it does not inherit the key", async () => {
  process.env.BERTH_SYMMETRIC_KEY = KEY;
  const { agent, lines, ended } = await start(
    program(`echo noise; echo "key: $BERTH_SYMMETRIC_KEY" >&2; ${READY}; ${UNTIL_END}; printf end`),
  );
  await agent.stop();
  expect(lines.sort()).toEqual(["end", "key: ", "noise"]);
  expect(ended).toEqual([]);
});

test("an exit status that says trouble is an error, though it was asked to end", async () => {
  const { agent, ended } = await start(program(`${READY}; ${UNTIL_END}; exit 23`));
  await agent.stop();
  await agent.stop();
  expect(ended.map(({ code, message }) => [code, message])).toEqual([
    ["internal", expect.stringContaining("exit status 23")],
  ]);
});

test("one that does not end is killed", async () => {
  const { agent, ended } = await start(program(`${READY}; exec sleep 600`), 1);
  await agent.stop();
  expect(ended).toMatchObject([{ message: expect.stringContaining("SIGKILL") }]);
});

test("a start that does not come to an end is ended by its signal", async () => {
  const hangs = program("echo starts; exec sleep 600");
  const controller = new AbortController();
  // The program runs.
  const handler = { onLine: () => controller.abort() } as unknown as EngineHandler;
  const starting = nativeEngineOf(hangs).start(device(), AGENT, handler, undefined, controller.signal);
  await expect(starting).rejects.toMatchObject({ message: expect.stringContaining("SIGKILL") });
});

test("an error of the start after the settings ends it; messages that wait are refused", async () => {
  const refused = `{"event":"refused","code":"internal","message":"x"}`;
  const { agent, end, ended } = await start(
    program(`${READY}; read message; echo '${refused}'; ${UNTIL_END}`),
  );
  await expect(agent.send("1", {})).rejects.toMatchObject({ code: "internal" });
  await end;
  await expect(agent.send("2", {})).rejects.toMatchObject({ code: "internal" });
  await agent.stop();
  expect(ended).toHaveLength(1);
});

test("a run that has done all but whose process ends in trouble has failed", async () => {
  const connected = `{"event":"connected","hub":"h","deviceId":"d","source":"dps","sessionPresent":false}`;
  const script = `${READY}; echo '${connected}'; echo '{"event":"acknowledged","count":1}'; ${UNTIL_END}; exit 1`;
  const events: CliEvent[] = [];
  const result = await runDevice({
    engine: nativeEngineOf(program(script)),
    device: device(),
    identity: IDENTITY,
    eager: false,
    endpoint: "dps.example",
    port: 8883,
    hubPort: 8883,
    telemetry: 1,
    interval: 0,
    timeout: 20_000,
    onEvent: (event) => events.push(event),
  });
  expect(result).toMatchObject({ acknowledged: 1, source: "dps", error: { code: "internal" } });
  expect(events.at(-1)).toMatchObject({ event: "error", code: "internal", final: true });
});
