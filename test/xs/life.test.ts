// SPDX-License-Identifier: MIT
/** A device's whole life inside XS, over real TLS, against the emulator. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "@jest/globals";
import { Emulator } from "../../emulator/emulator";
import { parseConnectTo } from "../../hosts/node/connect-to";
import { createNodeHost } from "../../hosts/node/host";
import { XsAgent, type XsAgentOptions } from "../../hosts/xs/agent";
import { type AgentHandler, type AgentOptions, AgentState } from "../../src/agent/agent";
import { configuration, KEY, SCOPE } from "../helpers/emulator-client";
import { engine, withEngine } from "../helpers/xs";

const text = new TextEncoder();
const IDENTITY = { idScope: SCOPE, registrationId: "dev-1", attestation: "symmetricKey" } as const;

let emulator: Emulator;
let directory: string;
const agents: XsAgent[] = [];

beforeEach(async () => {
  emulator = await Emulator.start({ configuration: configuration(), dps: { immediate: true } });
  directory = mkdtempSync(join(tmpdir(), "berth-xs-"));
});

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A device that has started, and a promise that its handler settles. */
async function boot<T>(
  handler: (settle: (value: T) => void) => AgentHandler,
  options: Partial<AgentOptions> = {},
  more: XsAgentOptions = {},
): Promise<{ agent: XsAgent; settled: Promise<T> }> {
  const host = createNodeHost({
    stateDirectory: directory,
    roots: [emulator.ca.pem],
    symmetricKey: KEY,
    connectTo: [parseConnectTo(`:127.0.0.1:${emulator.port}`)],
  });
  let settle: (value: T) => void = () => {};
  const settled = new Promise<T>((resolve) => {
    settle = resolve;
  });
  const all = { identity: IDENTITY, ...options };
  const agent = await XsAgent.create(await engine(), host, handler(settle), all, more);
  agents.push(agent);
  await agent.start();
  return { agent, settled };
}

withEngine("provisions, sends telemetry, and comes back by its stored assignment", async () => {
  const log: string[] = [];
  const handler = (settle: (value: number) => void): AgentHandler => ({
    onConnected: ({ source }) => log.push(`connected ${source}`),
    onAcknowledged: (message, count) => {
      log.push(`acknowledged ${String.fromCharCode(...message.payload)} ${message.bag}`);
      if (count === 2) settle(count);
    },
    onError: ({ error }) => log.push(error.message),
  });
  const first = await boot(handler);
  await first.agent.send(text.encode("1"));
  await first.agent.send(text.encode("2"), { alarm: "yes", flag: null });
  await first.settled;
  const assignment = first.agent.assignment;
  expect(first.agent.state).toBe(AgentState.RUNNING);
  await first.agent.close();
  expect(first.agent.state).toBe(AgentState.STOPPED);
  const second = await boot(handler);
  await second.agent.send(text.encode("3"));
  await second.agent.send(text.encode("4"));
  await second.settled;
  expect(second.agent.assignment).toEqual(assignment);
  expect(log).toEqual([
    "connected dps",
    "acknowledged 1 ",
    "acknowledged 2 alarm=yes&flag",
    "connected stored",
    "acknowledged 3 ",
    "acknowledged 4 ",
  ]);
  expect(emulator.telemetry.map(({ body }) => String(body))).toEqual(["1", "2", "3", "4"]);
});

withEngine("receives cloud-to-device messages", async () => {
  const { settled } = await boot<unknown>((settle) => ({
    onConnected: ({ hub, deviceId }) => {
      emulator.sendCloudToDevice(hub, deviceId, "open", { key: "a b" }).catch(settle);
    },
    onCloudToDevice: ({ payload, properties, offset, byteLength }) =>
      settle([String.fromCharCode(...payload), properties.key, offset, byteLength]),
  }));
  expect(await settled).toEqual(["open", "a b", 0, 4]);
});

withEngine("an error of TLS keeps its code", async () => {
  const { settled } = await boot<unknown>(
    (settle) => ({ onError: ({ phase, error, retryIn }) => settle([phase, error.code, typeof retryIn]) }),
    { provisioning: { host: "wrong.example" } },
  );
  expect(await settled).toEqual(["dps", "tls-name-mismatch", "number"]);
});

withEngine("what the agent refuses is refused by the same error", async () => {
  const host = createNodeHost({ stateDirectory: directory, roots: [emulator.ca.pem], symmetricKey: KEY });
  const wrong = { identity: { ...IDENTITY, registrationId: "no blanks" } };
  await expect(XsAgent.create(await engine(), host, {}, wrong)).rejects.toMatchObject({
    code: "invalid-argument",
  });
  const agent = await XsAgent.create(
    await engine(),
    host,
    {},
    { identity: IDENTITY, outbox: { capacity: 1 } },
  );
  agents.push(agent);
  await agent.send(text.encode("1"));
  await expect(agent.send(text.encode("2"))).rejects.toMatchObject({ code: "outbox-full", retriable: true });
  expect(agent.pending).toBe(1);
});

withEngine("an exception of the handler ends the connection, not the process", async () => {
  let thrown = 0;
  const { settled, agent } = await boot<unknown>(
    (settle) => ({
      onConnected: () => {
        thrown += 1;
        if (thrown === 1) throw new Error("of the application");
        settle(thrown);
      },
      onError: ({ error }) => expect(error.code).toBe("internal"),
    }),
    { backoff: { base: 20, cap: 20 } },
  );
  expect(await settled).toBe(2);
  expect(agent.state).toBe(AgentState.RUNNING);
});

withEngine("a machine that ends is reported", async () => {
  const died: string[] = [];
  const { agent, settled } = await boot<unknown>(
    (settle) => ({ onError: ({ error }) => settle(error.message) }),
    {},
    { onDied: ({ message }) => died.push(message) },
  );
  process.kill(agent.pid ?? 0);
  expect(await settled).toMatch(/SIGTERM/);
  expect(died).toEqual([await settled]);
  expect(agent.state).toBe(AgentState.STOPPED);
  await expect(agent.send(text.encode("1"))).rejects.toMatchObject({ code: "closed" });
});
