// SPDX-License-Identifier: MIT
/** A server that stalls at any step, answers with an error, or resets at any byte: the device gets there all the same. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { FaultRule, FaultStep } from "../../emulator/faults";
import { HUB } from "../helpers/emulator-client";
import { type DeviceUnderTest, EndToEnd } from "../helpers/end-to-end";
import { nodeText } from "../../simulator/virtual-host";

let world: EndToEnd;
beforeAll(async () => {
  world = await EndToEnd.start();
});
afterAll(() => world.stop());

/** A life from nothing to three acknowledged messages while `rule` strikes. */
async function liveThrough(rule: FaultRule, hub = {}): Promise<DeviceUnderTest> {
  world.emulator.faults.clear();
  world.emulator.faults.add(rule);
  const device = world.boot({ agent: { hub } });
  device.agent.forget();
  for (const text of ["1", "2", "3"]) device.agent.send(nodeText.encode(text));
  await device.until(({ acknowledged }) => acknowledged === 3);
  device.agent.stop();
  return device;
}

const DPS = "dps";

test.each<[FaultStep, string, string]>([
  ["connack", DPS, "connack-timeout"],
  ["suback", DPS, "subscribe-timeout"],
  ["register", DPS, "dps-timeout"],
  ["connack", HUB, "connack-timeout"],
  ["puback", HUB, "publish-timeout"],
])("silence at %s of %s: %s, then the life goes on", async (step, endpoint, code) => {
  const device = await liveThrough({ step, endpoint, action: "drop", count: 1 });
  expect(device.codes).toEqual([code]);
});

test("silence at PINGRESP: keep-alive-timeout, then the life goes on", async () => {
  world.emulator.faults.clear();
  world.emulator.faults.add({ step: "pingresp", action: "drop", count: 1 });
  const device = world.boot({ agent: { hub: { keepAlive: 1000 } } });
  await device.until(({ connections }) => connections.length === 2);
  device.agent.stop();
  expect(device.codes).toEqual(["keep-alive-timeout"]);
});

test("silence before TLS: connect-timeout, then the life goes on", async () => {
  world.emulator.faults.clear();
  world.emulator.faults.add({ step: "accept", action: "drop", count: 1 });
  const device = world.boot({ agent: { hub: { connectTimeout: 300 } } });
  await device.until(({ connections }) => connections.length === 1);
  device.agent.stop();
  expect(device.codes).toEqual(["connect-timeout"]);
});

test.each<[FaultRule, string]>([
  [{ step: "connack", action: "returnCode", returnCode: 3, endpoint: DPS }, "connack-server-unavailable"],
  [{ step: "connack", action: "returnCode", returnCode: 3, endpoint: HUB }, "connack-server-unavailable"],
  [{ step: "register", action: "status", status: 401 }, "dps-unauthorized"],
  [{ step: "register", action: "status", status: 404 }, "dps-not-found"],
  [{ step: "register", action: "status", status: 200, body: "not JSON" }, "dps-malformed"],
  [{ step: "register", action: "status", status: 200, body: { status: "failed" } }, "dps-failed"],
  [{ step: "assigned", action: "close" }, "none"],
])("%j: %s, then the life goes on", async (rule, code) => {
  const device = await liveThrough({ ...rule, count: 1 });
  expect(device.codes).toEqual(code === "none" ? [] : [code]);
});

// Samples of what test/src/agent/cut.test.ts does at every byte in virtual time. They start at another byte in each run.
const START = Math.floor(Math.random() * 17);

test.each<[FaultStep, "close" | "reset"]>([
  ["received", "reset"],
  ["sent", "reset"],
  ["sent", "close"],
])(`the connection is cut after so many bytes %s: %s (from ${START})`, async (step, action) => {
  for (let afterBytes = 1 + START; afterBytes <= 620; afterBytes += 17) {
    const device = await liveThrough({ step, action, afterBytes, count: 1 });
    for (const { error } of device.errors) expect(error.retriable).toBe(true);
  }
});

test.each<[FaultStep]>([["tcpReceived"], ["tcpSent"]])(
  `the connection is reset inside the TLS handshake: %s (from ${START})`,
  async (step) => {
    for (let afterBytes = 1 + START; afterBytes <= 4000; afterBytes += 311) {
      const device = await liveThrough({ step, action: "reset", afterBytes, count: 1 });
      for (const { error } of device.errors) expect(error.retriable).toBe(true);
    }
  },
);
