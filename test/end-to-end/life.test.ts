// SPDX-License-Identifier: MIT
/** The life over real TLS: first start, restart, x.509, re-provisioning. */
import { afterEach, expect, test } from "@jest/globals";
import { createDeviceCertificate, type KeyType, thumbprintsOf } from "../../emulator/certificates";
import { deriveDeviceKey } from "../../src/azure/sas";
import { configuration, GROUP_KEY, HUB, KEY, OTHER_HUB } from "../helpers/emulator-client";
import { EndToEnd } from "../helpers/end-to-end";
import { hmacSigner, nodeText } from "../../simulator/virtual-host";

let world: EndToEnd;
afterEach(() => world.stop());

const payload = nodeText.encode('{"temperature":21.5}');

test("first start by DPS, second from the store: no call to DPS", async () => {
  world = await EndToEnd.start({ dps: { immediate: false, retryAfter: 0 } });
  const first = world.boot();
  first.agent.send(payload, { "$.ct": "application/json", line: "7" });
  await first.until(({ acknowledged }) => acknowledged === 1);
  first.agent.stop();
  expect(first.connections).toMatchObject([{ hub: HUB, deviceId: "dev-1", source: "dps" }]);
  expect(world.emulator.counts).toMatchObject({ registrations: 1, polls: 1, telemetry: 1 });
  expect(world.emulator.telemetry[0]).toMatchObject({ deviceId: "dev-1" });

  const second = world.boot();
  second.agent.send(payload);
  await second.until(({ acknowledged }) => acknowledged === 1);
  expect(second.connections).toMatchObject([{ hub: HUB, source: "stored" }]);
  expect(world.emulator.counts).toMatchObject({ registrations: 1, polls: 1, telemetry: 2 });
  expect([...first.errors, ...second.errors]).toEqual([]);
});

test("without waiting for CONNACK: first start and second, to DPS and hub", async () => {
  world = await EndToEnd.start({ dps: { immediate: false, retryAfter: 0 } });
  const agent = { provisioning: { eager: true }, hub: { eager: true } };
  for (const source of ["dps", "stored"] as const) {
    const device = world.boot({ agent });
    for (let i = 0; i < 3; i += 1) device.agent.send(payload);
    await device.until(({ acknowledged }) => acknowledged === 3);
    expect(device.connections).toMatchObject([{ hub: HUB, source }]);
    expect(device.errors).toEqual([]);
    device.agent.stop();
  }
  expect(world.emulator.counts).toMatchObject({ registrations: 1, polls: 1, telemetry: 6 });
});

test("a key derived from the group's key provisions a device that DPS has never seen", async () => {
  world = await EndToEnd.start();
  const registrationId = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
  const symmetricKey = deriveDeviceKey(registrationId, hmacSigner(GROUP_KEY), nodeText);
  const device = world.boot({ registrationId, host: { symmetricKey } });
  await device.until(({ connections }) => connections.length === 1);
  expect(device.connections[0]).toMatchObject({ deviceId: registrationId });
});

test.each<KeyType>(["rsa-2048", "ec-p256"])("x.509 with a key of %s", async (keyType) => {
  const { certificatePem, privateKeyPem } = await createDeviceCertificate({ commonName: "pump-7", keyType });
  const { sha256Thumbprint } = thumbprintsOf(certificatePem);
  world = await EndToEnd.start({
    configuration: configuration({
      enrollments: [
        {
          registrationId: "pump-7",
          attestation: {
            type: "x509",
            x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } },
          },
        },
      ],
    } as never),
  });
  const x509 = { registrationId: "pump-7", host: { certificate: certificatePem, key: privateKeyPem } };
  for (const source of ["dps", "stored"] as const) {
    const device = world.boot(x509);
    device.agent.send(payload);
    await device.until(({ acknowledged }) => acknowledged === 1);
    expect(device.connections).toMatchObject([{ deviceId: "pump-7", source }]);
    expect(device.errors).toEqual([]);
    device.agent.stop();
  }
  expect(world.emulator.counts.registrations).toBe(1);
});

test("a device that was moved finds its new hub by itself, with its message", async () => {
  world = await EndToEnd.start({
    configuration: configuration({ iotHubs: [{ name: HUB }, { name: OTHER_HUB }] }),
  });
  const attestation = { type: "symmetricKey" as const, symmetricKey: { primaryKey: KEY } };
  const enroll = (hub: string): void => {
    world.emulator.setEnrollment({
      registrationId: "dev-1",
      attestation,
      allocationPolicy: "static",
      iotHubHostName: hub,
    } as never);
  };
  enroll(HUB);
  const device = world.boot();
  await device.until(({ connections }) => connections.length === 1);
  enroll(OTHER_HUB);
  world.emulator.devices.remove(HUB, "dev-1");
  world.emulator.disconnect(HUB, "dev-1");
  device.agent.send(payload);
  await device.until(({ acknowledged }) => acknowledged === 1);
  expect(device.connections.map(({ hub, source }) => `${hub} ${source}`)).toEqual([
    `${HUB} dps`,
    `${OTHER_HUB} dps`,
  ]);
  expect(device.codes).toContain("connack-not-authorized");
});
