// SPDX-License-Identifier: MIT
/** Direct methods and the twin over real TLS, against the emulator's. */
import { afterEach, expect, test } from "@jest/globals";
import { DirectMethods, type MethodCall } from "../../src/azure/hub/direct-methods";
import { type DesiredProperties, Twin, type TwinDocument } from "../../src/azure/hub/twin";
import { HUB } from "../helpers/emulator-client";
import { type DeviceUnderTest, EndToEnd } from "../helpers/end-to-end";

let world: EndToEnd;
afterEach(() => world.stop());

interface Watched {
  readonly device: DeviceUnderTest;
  readonly twin: Twin;
  readonly desired: DesiredProperties[];
  readonly reported: number[];
  readonly calls: MethodCall[];
}

/** A device with methods and a twin, connected and with its desired properties known. */
async function boot(): Promise<Watched> {
  world = await EndToEnd.start();
  const desired: DesiredProperties[] = [];
  const reported: number[] = [];
  const calls: MethodCall[] = [];
  const twin = new Twin({
    onDesired: (properties) => device.note(() => desired.push(properties)),
    onReported: (version) => device.note(() => reported.push(version)),
  });
  const methods = new DirectMethods({
    add: (payload) => ({ status: 200, payload: { sum: (payload as number[]).reduce((a, b) => a + b, 0) } }),
    slow: (_, call) => device.note(() => calls.push(call)),
    "motor*stop": async () => ({ status: 202, payload: null }),
    broken: () => {
      throw new Error("valve stuck");
    },
  });
  const device = world.boot({ agent: { features: [methods, twin] } });
  await device.until(() => desired.length === 1);
  return { device, twin, desired, reported, calls };
}

const call = (name: string, payload?: unknown) => world.emulator.invokeMethod(HUB, "dev-1", name, payload);

test("methods: at once, by a promise, later, unknown, one that throws, and telemetry beside them", async () => {
  const { device, calls } = await boot();
  expect(await call("add", [1, 2, 39])).toEqual({ status: 200, payload: { sum: 42 } });
  expect(await call("motor*stop")).toEqual({ status: 202, payload: null });
  const slow = call("slow");
  await device.until(() => calls.length === 1);
  device.agent.send(new Uint8Array([1]));
  expect(calls[0]?.answer(207, "done")).toBe(true);
  expect(await slow).toEqual({ status: 207, payload: "done" });
  expect(await call("reboot")).toEqual({ status: 501, payload: undefined });
  expect(await call("broken")).toEqual({ status: 500, payload: undefined });
  await device.until(({ acknowledged }) => acknowledged === 1);
  expect(device.errors).toMatchObject([{ phase: "application", error: { code: "handler-failed" } }]);
  expect(device.errors[0]?.error.message).toContain("methods.broken: valve stuck");
});

test("several calls at a time are answered each by its own", async () => {
  const { device, calls } = await boot();
  const answers = [call("slow", 1), call("slow", 2), call("slow", 3)];
  await device.until(() => calls.length === 3);
  for (const waiting of calls.toReversed()) waiting.answer(200, { was: waiting.payload });
  expect(await Promise.all(answers)).toEqual([1, 2, 3].map((was) => ({ status: 200, payload: { was } })));
});

test("a call that is larger than the device takes is answered by 413, and reported once", async () => {
  const { device } = await boot();
  expect(await call("add", "x".repeat(9_000))).toEqual({ status: 413, payload: undefined });
  expect(device.codes).toEqual(["packet-too-large"]);
});

test("an answer after the connection is no answer to anybody", async () => {
  const { device, calls } = await boot();
  const lost = expect(call("slow")).rejects.toThrow("the connection ended before slow answered");
  await device.until(() => calls.length === 1);
  world.emulator.disconnect(HUB, "dev-1");
  await lost;
  await device.until(({ connections }) => connections.length === 2);
  expect(calls[0]?.answer(200)).toBe(false);
});

test("the twin: reported offline and online, read, and acknowledged with its version", async () => {
  const { device, twin, reported } = await boot();
  device.agent.stop();
  twin.report({ fan: { speed: 1, mode: "auto" } });
  twin.report({ fan: { speed: 2 }, door: "open" });
  device.agent.start();
  await device.until(() => reported.length === 1);
  expect(world.emulator.twin(HUB, "dev-1")).toMatchObject({
    reported: { fan: { speed: 2, mode: "auto" }, door: "open" },
    reportedVersion: reported[0],
  });
  twin.report({ door: null });
  await device.until(() => reported.length === 2);
  let document: TwinDocument | undefined;
  twin.read((_, answer) => device.note(() => (document = answer)));
  await device.until(() => document !== undefined);
  expect(document).toEqual({
    desired: {},
    desiredVersion: 1,
    reported: { fan: { speed: 2, mode: "auto" } },
    reportedVersion: reported[1],
  });
  expect(device.errors).toEqual([]);
});

test("desired properties: while connected in the order of versions, and across a reconnect what was missed", async () => {
  const { device, twin, desired } = await boot();
  expect(desired).toEqual([{ desired: {}, version: 1, complete: true }]);
  for (const period of [5, 6, 7]) await world.emulator.updateDesired(HUB, "dev-1", { period });
  await device.until(() => desired.length === 4);
  expect(desired.slice(1)).toEqual(
    [5, 6, 7].map((period, i) => ({ desired: { period }, version: i + 2, complete: false })),
  );

  device.agent.stop();
  await world.emulator.updateDesired(HUB, "dev-1", { period: null, colour: "red" });
  await world.emulator.updateDesired(HUB, "dev-1", { colour: "green" });
  device.agent.start();
  await device.until(() => desired.length === 5);
  expect(desired[4]).toEqual({ desired: { colour: "green" }, version: 6, complete: true });

  // Nothing was missed: nothing is told.
  world.emulator.disconnect(HUB, "dev-1");
  await device.until(({ connections }) => connections.length === 3);
  let read = false;
  twin.read(() => device.note(() => (read = true)));
  await device.until(() => read);
  await world.emulator.updateDesired(HUB, "dev-1", { colour: "blue" });
  await device.until(() => desired.length === 6);
  expect(desired[5]).toEqual({ desired: { colour: "blue" }, version: 7, complete: false });
});
