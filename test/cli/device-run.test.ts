// SPDX-License-Identifier: MIT
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { DeviceEngine, EngineDevice } from "../../cli/device-engine";
import { type DeviceRunOptions, runDevice } from "../../cli/device-run";
import { nativeEngineOf } from "../../cli/native-engine";
import type { CliEvent } from "../../cli/output";
import { AgentState } from "../../src/agent/agent";
import { BerthError } from "../../src/error";

let directory: string;
let program: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  program = join(directory, "program");
  writeFileSync(program, "#!/bin/sh\nexec sleep 600\n");
  chmodSync(program, 0o755);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function options(engine: DeviceEngine, more: Partial<DeviceRunOptions>): DeviceRunOptions {
  return {
    engine,
    device: { stateDirectory: directory, roots: [], symmetricKey: Buffer.alloc(32, 7).toString("base64") },
    identity: { idScope: "0ne0", registrationId: "d", attestation: "symmetricKey" },
    eager: false,
    endpoint: "dps.example",
    port: 8883,
    hubPort: 8883,
    telemetry: 1,
    interval: 0,
    timeout: 600_000,
    onEvent: () => undefined,
    ...more,
  };
}

const engineThat = (start: DeviceEngine["start"]): DeviceEngine => ({
  name: "node",
  title: "The engine",
  start,
});
const ENGINES: [string, () => DeviceEngine][] = [
  ["an engine that heeds nothing", () => engineThat(() => new Promise(() => undefined))],
  ["native", () => nativeEngineOf(program)],
];

test.each(ENGINES)(
  "a run whose start does not come to an end gives up after its time: %s",
  async (_name, engine) => {
    const events: CliEvent[] = [];
    const result = await runDevice(
      options(engine(), { timeout: 50, onEvent: (event) => events.push(event) }),
    );
    expect(result).toMatchObject({ acknowledged: 0, source: undefined, error: { code: "internal" } });
    expect(events).toEqual([
      expect.objectContaining({
        event: "error",
        message: expect.stringContaining("has not started"),
        final: true,
      }),
    ]);
  },
);

test.each(ENGINES)("a start is ended from outside, without an error: %s", async (_name, engine) => {
  const controller = new AbortController();
  const events: CliEvent[] = [];
  const run = runDevice(
    options(engine(), { signal: controller.signal, onEvent: (event) => events.push(event) }),
  );
  controller.abort();
  expect((await run).error).toBeUndefined();
  expect(events).toEqual([]);
});

test("a device that starts after all is stopped", async () => {
  const controller = new AbortController();
  let started: (agent: EngineDevice) => void = () => undefined;
  const engine = engineThat(
    () =>
      new Promise((resolve) => {
        started = resolve;
      }),
  );
  const run = runDevice(options(engine, { signal: controller.signal }));
  controller.abort();
  await run;
  const stopped = new Promise<void>((resolve) => {
    started({
      pid: undefined,
      send: () => Promise.reject(new Error("not to be used")),
      awaited: () => Promise.reject(new Error("not to be used")),
      stop: async () => resolve(),
    });
  });
  await stopped;
});

test.each([
  ["what DPS has got over in the same attempt", "dps-timeout", "dps-timeout"],
  ["what it still says", "dps-server-error", "dps-server-error"],
  ["what nobody knows better", undefined, "dps-server-error"],
] as const)("a 500 is the error when the time is up, unless it is over: %s", async (_, awaited, code) => {
  const engine = engineThat(async (_device, _options, handler) => {
    handler.onState(AgentState.PROVISIONING);
    handler.onError({ phase: "dps", error: new BerthError("dps-server-error"), retryIn: 2_000 });
    return {
      pid: undefined,
      send: async () => undefined,
      awaited: async () => awaited,
      stop: async () => undefined,
    };
  });
  expect((await runDevice(options(engine, { timeout: 20 }))).error?.code).toBe(code);
});
