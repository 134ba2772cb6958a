// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type {
  CustomAllocation,
  CustomAllocationRequest,
  EnrollmentGroup,
} from "../../emulator/configuration";
import type { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import { deriveDeviceKey } from "../../emulator/shared-access-signature";
import {
  configuration,
  dpsToken,
  GROUP_KEY,
  HUB,
  OTHER_HUB,
  openHub,
  provision,
  record,
  startEmulator,
} from "../helpers/emulator-client";

const directory = mkdtempSync(join(tmpdir(), "berth-allocation-"));
afterAll(() => rmSync(directory, { recursive: true }));
let emulator: Emulator;
afterEach(() => emulator.stop());

const keyOf = (id: string) => deriveDeviceKey(Buffer.from(GROUP_KEY, "base64"), id);

async function startWith(
  group: Partial<EnrollmentGroup>,
  options: Partial<EmulatorOptions> = {},
): Promise<void> {
  emulator = await startEmulator({
    configuration: configuration({ iotHubs: [{ name: HUB }, { name: OTHER_HUB }] }),
    ...options,
  });
  set(group);
}

function set(group: Partial<EnrollmentGroup>): void {
  emulator.setEnrollmentGroup({
    enrollmentGroupId: "line-1",
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: GROUP_KEY } },
    ...group,
  });
}

async function assign(id: string, payload?: object) {
  const { body } = await provision(emulator, id, { password: dpsToken(id, keyOf(id)) }, payload);
  return body.registrationState!;
}

test("hashed: the same device always gets the same hub, and both hubs get some", async () => {
  await startWith({ allocationPolicy: "hashed" });
  const hubs = [];
  for (let index = 0; index < 12; index++) hubs.push((await assign(`sn-${index}`)).assignedHub);
  expect(new Set(hubs)).toEqual(new Set([HUB, OTHER_HUB]));
  await emulator.deleteRegistration("sn-0");
  expect((await assign("sn-0")).assignedHub).toBe(hubs[0]);
});

test("geoLatency: the hub with the fewest devices", async () => {
  await startWith({ allocationPolicy: "geoLatency" });
  expect([(await assign("sn-1")).assignedHub, (await assign("sn-2")).assignedHub]).toEqual([HUB, OTHER_HUB]);
});

test("static: the named hub", async () => {
  await startWith({ allocationPolicy: "static", iotHubHostName: OTHER_HUB });
  expect((await assign("sn-1")).assignedHub).toBe(OTHER_HUB);
});

test("an enrollment may narrow the choice of hubs", async () => {
  await startWith({ iotHubs: [OTHER_HUB] });
  for (const id of ["sn-1", "sn-2", "sn-3"]) expect((await assign(id)).assignedHub).toBe(OTHER_HUB);
});

test("custom: an injected function sees the device's payload and answers with hub, twin and payload", async () => {
  const requests: CustomAllocationRequest[] = [];
  await startWith(
    { allocationPolicy: "custom" },
    {
      customAllocation: (request) => {
        requests.push(request);
        return {
          iotHubHostName: OTHER_HUB,
          payload: { room: 7 },
          initialTwin: { properties: { desired: { a: 1 } } },
        };
      },
    },
  );
  expect(await assign("sn-1", { model: "x" })).toMatchObject({
    assignedHub: OTHER_HUB,
    payload: { room: 7 },
  });
  expect(requests).toMatchObject([
    {
      enrollmentGroup: { enrollmentGroupId: "line-1" },
      deviceRuntimeContext: { registrationId: "sn-1", payload: { model: "x" } },
      linkedHubs: [HUB, OTHER_HUB],
    },
  ]);
  expect(emulator.twin(OTHER_HUB, "sn-1").desired).toEqual({ a: 1 });
  await assign("sn-1");
  expect(requests[1]!.deviceRuntimeContext.currentIotHubHostName).toBe(OTHER_HUB);
});

test("custom: a module named by the enrollment, relative to the base directory", async () => {
  writeFileSync(
    join(directory, "pick.mjs"),
    "export default ({ linkedHubs }) => ({ iotHubHostName: linkedHubs[1] });\n",
  );
  const customAllocationDefinition = { module: "./pick.mjs" };
  await startWith({ allocationPolicy: "custom", customAllocationDefinition }, { baseDirectory: directory });
  expect((await assign("sn-1")).assignedHub).toBe(OTHER_HUB);
});

test.each([
  ["throws", () => Promise.reject(new Error("no room")), 400207, "no room"],
  ["names no linked hub", () => ({ iotHubHostName: "other.example" }), 400208, "named no linked hub"],
  ["names nothing", () => ({}), 400208, "named no linked hub"],
  ["answers nothing", () => undefined, 400207, "must be an object"],
  // Stored, it would keep the state from being read again.
  [
    "answers a payload of text",
    () => ({ iotHubHostName: HUB, payload: "x" }),
    400207,
    "payload must be an object",
  ],
  ["answers what is no JSON", () => ({ iotHubHostName: HUB, payload: { a: 1n } }), 400207, "BigInt"],
  [
    "answers a twin that a hub refuses",
    () => ({ iotHubHostName: HUB, initialTwin: { tags: { "a.b": 1 } } }),
    400207,
    'initialTwin.tags is nothing that a twin may hold: the key "a.b"',
  ],
])(
  "custom: a function that %s makes the registration fail",
  async (_name, customAllocation, errorCode, text) => {
    await startWith(
      { allocationPolicy: "custom" },
      { customAllocation: customAllocation as unknown as CustomAllocation },
    );
    const state = await assign("sn-1");
    expect(state).toMatchObject({ status: "failed", errorCode });
    expect(state.errorMessage).toContain(text);
  },
);

test("custom: a module that does not load makes the registration fail", async () => {
  await startWith(
    { allocationPolicy: "custom", customAllocationDefinition: { module: "./missing.mjs" } },
    { baseDirectory: directory },
  );
  expect(await assign("sn-1")).toMatchObject({ status: "failed", errorCode: 400207 });
});

const toFirst = { allocationPolicy: "static" as const, iotHubHostName: HUB };
const toSecond = { allocationPolicy: "static" as const, iotHubHostName: OTHER_HUB };

/** Assigns to the first hub, changes the twin, then registers again under a policy that wants the second hub. */
async function registerTwice(updateHubAssignment: boolean, migrateDeviceData: boolean) {
  const common = {
    reprovisionPolicy: { updateHubAssignment, migrateDeviceData },
    initialTwin: { properties: { desired: { period: 60 } } },
  };
  await startWith({ ...toFirst, ...common });
  expect((await assign("sn-1")).substatus).toBe("initialAssignment");
  await emulator.updateDesired(HUB, "sn-1", { period: 5 });
  await emulator.sendCloudToDevice(HUB, "sn-1", "waiting");
  set({ ...toSecond, ...common });
  return assign("sn-1");
}

test("re-provisioning with migration moves the device with its twin and messages; the old hub refuses it", async () => {
  const state = await registerTwice(true, true);
  expect(state).toMatchObject({ assignedHub: OTHER_HUB, substatus: "deviceDataMigrated" });
  expect(emulator.twin(OTHER_HUB, "sn-1").desired).toEqual({ period: 5 });
  await expect(openHub(emulator, "sn-1", { key: keyOf("sn-1") })).rejects.toThrow("CONNACK 5");
  const client = await openHub(emulator, "sn-1", { key: keyOf("sn-1"), hub: OTHER_HUB });
  await client.subscribe("devices/sn-1/messages/devicebound/#");
  expect((await client.message()).text).toBe("waiting");
});

test("re-provisioning with reset starts from the enrollment's twin", async () => {
  const state = await registerTwice(true, false);
  expect(state).toMatchObject({ assignedHub: OTHER_HUB, substatus: "deviceDataReset" });
  expect(emulator.twin(OTHER_HUB, "sn-1").desired).toEqual({ period: 60 });
});

test("without re-provisioning the device keeps hub and twin", async () => {
  const state = await registerTwice(false, false);
  expect(state).toMatchObject({ assignedHub: HUB, substatus: "reprovisionedToInitialAssignment" });
  expect(emulator.twin(HUB, "sn-1").desired).toEqual({ period: 5 });
});

test("a device that the hub lost is assigned as if for the first time", async () => {
  await startWith(toFirst);
  await assign("sn-1");
  emulator.devices.remove(HUB, "sn-1");
  expect((await assign("sn-1")).substatus).toBe("initialAssignment");
  await (await openHub(emulator, "sn-1", { key: keyOf("sn-1") })).disconnect();
});

test("a move drops the connection to the old hub", async () => {
  await startWith(toFirst);
  await assign("sn-1");
  const ends = record<{ endpoint: string; reason: string }>(emulator, "disconnect");
  const client = await openHub(emulator, "sn-1", { key: keyOf("sn-1") });
  set(toSecond);
  await assign("sn-1");
  await client.closed;
  expect(ends).toContainEqual({
    connection: 2,
    endpoint: HUB,
    id: "sn-1",
    reason: "the device was moved to another hub",
  });
});
