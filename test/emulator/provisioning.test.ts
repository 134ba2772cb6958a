// SPDX-License-Identifier: MIT
import { afterEach, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { deriveDeviceKey } from "../../emulator/shared-access-signature";
import {
  dpsToken,
  GROUP_KEY,
  HUB,
  KEY,
  openDps,
  openHub,
  poll,
  provision,
  register,
  startEmulator,
} from "../helpers/emulator-client";

let emulator: Emulator;
afterEach(() => emulator.stop());

test("a device with its own key registers, polls, is assigned and sends telemetry to its hub", async () => {
  emulator = await startEmulator();
  const dps = await openDps(emulator, "dev-1");
  const first = await register(dps, JSON.stringify({ registrationId: "dev-1" }));
  expect(first).toMatchObject({ status: 202, retryAfter: 3, body: { status: "assigning" } });
  const last = await poll(dps, first.body.operationId!);
  expect(last).toMatchObject({
    status: 200,
    retryAfter: undefined,
    body: {
      operationId: first.body.operationId,
      status: "assigned",
      registrationState: {
        registrationId: "dev-1",
        deviceId: "dev-1",
        assignedHub: HUB,
        status: "assigned",
        substatus: "initialAssignment",
      },
    },
  });
  expect(last.body.registrationState!.createdDateTimeUtc).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
  await dps.disconnect();

  const hub = await openHub(emulator);
  await hub.publish("devices/dev-1/messages/events/room=kitchen&%24.ct=application%2Fjson", '{"t":21}');
  await hub.disconnect();
  expect(emulator.telemetry).toMatchObject([
    { hub: HUB, deviceId: "dev-1", body: Buffer.from('{"t":21}'), qos: 1 },
  ]);
  expect([...emulator.telemetry[0]!.properties]).toEqual([
    ["room", "kitchen"],
    ["$.ct", "application/json"],
  ]);
  expect(emulator.counts).toMatchObject({ registrations: 1, polls: 1, assignments: 1, telemetry: 1 });
  expect(emulator.counts.connectionsOf("dps")).toBe(1);
  expect(emulator.counts.connectionsOf(HUB)).toBe(1);
});

test("a group's device uses its derived key for DPS and for the hub", async () => {
  emulator = await startEmulator();
  const key = deriveDeviceKey(Buffer.from(GROUP_KEY, "base64"), "sn-1");
  const answer = await provision(emulator, "sn-1", { password: dpsToken("sn-1", key) });
  expect(answer.body.registrationState).toMatchObject({
    symmetricKey: { enrollmentGroupId: "line-1" },
    deviceId: "sn-1",
  });
  const hub = await openHub(emulator, "sn-1", { key });
  await hub.disconnect();
});

test("either key of an enrollment is accepted", async () => {
  emulator = await startEmulator();
  const password = dpsToken("dev-1", Buffer.alloc(32, 9).toString("base64"));
  expect((await provision(emulator, "dev-1", { password })).body.status).toBe("assigned");
  await (await openHub(emulator, "dev-1", { key: KEY })).disconnect();
});
