// SPDX-License-Identifier: MIT
/** What can be wrong from the start, over real TLS: each ends in its own typed error, and mends when it is mended. */
import { afterEach, expect, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
} from "../../emulator/certificates";
import type { EmulatorOptions } from "../../emulator/options";
import { clock } from "../../hosts/node/clock";
import { FileStore } from "../../hosts/node/store";
import { AssignmentStore, SLOT_KEYS } from "../../src/storage/assignment-store";
import { configuration, HUB, KEY, SCOPE, SECOND_KEY } from "../helpers/emulator-client";
import { type DeviceChanges, DPS_HOST, EndToEnd } from "../helpers/end-to-end";
import { nodeText } from "../../simulator/virtual-host";

let world: EndToEnd;
afterEach(() => world.stop());

const OTHER_KEY = Buffer.alloc(32, 1).toString("base64");

/** Boots a device and waits for its first error. */
async function firstError(
  changes: DeviceChanges = {},
  options: Partial<EmulatorOptions> = {},
): Promise<{
  code: string;
  phase: string;
  retriable: boolean;
  message: string;
  errorCode: number | undefined;
}> {
  world = await EndToEnd.start(options);
  const device = world.boot(changes);
  await device.until(({ errors }) => errors.length > 0);
  device.agent.stop();
  const [{ phase, error } = device.errors[0] as never] = device.errors;
  const { code, retriable, message, errorCode } = error;
  return { code, phase, retriable, message, errorCode };
}

function disabled(): Partial<EmulatorOptions> {
  const attestation = { type: "symmetricKey" as const, symmetricKey: { primaryKey: KEY } };
  const enrollments = [{ registrationId: "dev-1", attestation, provisioningStatus: "disabled" as const }];
  return { configuration: configuration({ enrollments }) };
}

test.each<[string, DeviceChanges, Partial<EmulatorOptions>, string]>([
  ["a wrong key", { host: { symmetricKey: OTHER_KEY } }, {}, "connack-not-authorized"],
  [
    "a wrong key, answered by a 401",
    { host: { symmetricKey: OTHER_KEY } },
    { dps: { refusal: "response" } },
    "dps-unauthorized",
  ],
  ["an unknown registration", { registrationId: "nobody" }, {}, "connack-not-authorized"],
  [
    "an unknown registration, answered by a 404",
    { registrationId: "nobody" },
    { dps: { refusal: "response" }, configuration: configuration({ enrollmentGroups: [] }) },
    "dps-not-found",
  ],
  ["a disabled enrollment", {}, disabled(), "dps-disabled"],
  ["an unknown connection profile", {}, { dps: { connectionProfile: "mqttV5" } }, "dps-unknown-profile"],
])("%s: final for this credential", async (_, changes, options, code) => {
  expect(await firstError(changes, options)).toMatchObject({ code, phase: "dps", retriable: false });
});

test("the second key of an enrollment is as good as the first", async () => {
  world = await EndToEnd.start();
  const device = world.boot({ host: { symmetricKey: SECOND_KEY } });
  await device.until(({ connections }) => connections.length === 1);
  expect(device.errors).toEqual([]);
});

test("a token that has ended (the device's clock is two hours behind)", async () => {
  const behind = { now: () => (clock.now() as number) - 7_200_000, ticks: () => clock.ticks() };
  expect(await firstError({ platform: { clock: behind } })).toMatchObject({ code: "connack-not-authorized" });
});

test("a certificate of another device", async () => {
  const { certificatePem, privateKeyPem } = await createDeviceCertificate({ commonName: "stranger" });
  const error = await firstError({ host: { certificate: certificatePem, key: privateKeyPem } });
  expect(error).toMatchObject({ code: "connack-not-authorized", phase: "dps" });
});

interface ServerFlaws {
  readonly dnsNames?: readonly string[];
  readonly notBefore?: Date;
  readonly days?: number;
  readonly leafOnly?: boolean;
}

/** A server chain of our own making, with its root. */
async function chain(flaws: ServerFlaws): Promise<{ root: string; options: Partial<EmulatorOptions> }> {
  const root = await createRootCertificate({ commonName: "Test Root" });
  const issuer = await createIntermediateCertificate({ commonName: "Test CA" }, root);
  const { leafOnly, ...rest } = flaws;
  const leaf = await createServerCertificate(
    { commonName: DPS_HOST, dnsNames: [DPS_HOST, HUB], ...rest },
    issuer,
  );
  const certificatePem = leafOnly ? leaf.certificatePem : `${leaf.certificatePem}\n${issuer.certificatePem}`;
  return {
    root: root.certificatePem,
    options: { serverCertificate: { certificatePem, privateKeyPem: leaf.privateKeyPem } },
  };
}

test.each<[string, ServerFlaws, string]>([
  ["another name", { dnsNames: ["other.example"] }, "tls-name-mismatch"],
  ["an expired leaf", { notBefore: new Date(2020, 1, 1), days: 30 }, "tls-expired"],
  ["a leaf not yet valid", { notBefore: new Date(2040, 1, 1), days: 30 }, "tls-expired"],
  ["no intermediate", { leafOnly: true }, "tls-untrusted"],
])("a server with %s is refused before a byte of MQTT", async (_, flaws, code) => {
  const { root, options } = await chain(flaws);
  expect(await firstError({ host: { roots: [root] } }, options)).toMatchObject({
    code,
    phase: "dps",
    retriable: true,
  });
  expect(world.emulator.counts.registrations).toBe(0);
  expect(world.emulator.counts.connectionsOf("dps")).toBe(0);
});

test("a server below a root that is not trusted is refused; the genuine chain is accepted", async () => {
  const other = await createRootCertificate({ commonName: "Other Root" });
  const { root, options } = await chain({});
  expect(await firstError({ host: { roots: [other.certificatePem] } }, options)).toMatchObject({
    code: "tls-untrusted",
  });
  const device = world.boot({ host: { roots: [other.certificatePem, root] } });
  await device.until(({ connections }) => connections.length === 1);
});

test("nobody listens, or nobody answers to the name", async () => {
  world = await EndToEnd.start();
  const { port } = world.emulator;
  await world.emulator.stop();
  const refused = world.boot();
  await refused.until(({ errors }) => errors.length > 0);
  expect(refused.codes[0]).toBe("connect-failed");
  refused.agent.stop();
  const provisioning = { host: "no-such-host.invalid", port };
  const unknown = world.boot({ host: { connectTo: [] }, agent: { provisioning } });
  await unknown.until(({ errors }) => errors.length > 0);
  expect(unknown.codes[0]).toBe("dns-failed");
});

test("the newest slot torn: the one before counts; all torn: DPS is asked, nothing is fatal", async () => {
  world = await EndToEnd.start();
  const store = new FileStore(world.stateDirectory);
  const assignments = new AssignmentStore(store, nodeText);
  const ours = { idScope: SCOPE, registrationId: "dev-1", hub: HUB, deviceId: "dev-1", assignedAt: 1 };
  assignments.write(ours);
  assignments.write({ ...ours, assignedAt: 2 });
  // The device is known to the hub: it has registered once.
  const first = world.boot();
  first.agent.reprovision();
  await first.until(({ connections }) => connections.length > 0);
  first.agent.stop();
  const registrations = world.emulator.counts.registrations;
  store.write(SLOT_KEYS[2], new Uint8Array([0x42, 0x52, 0x54]));
  const second = world.boot();
  await second.until(({ connections }) => connections.length === 1);
  expect(second.connections[0]?.source).toBe("stored");
  second.agent.stop();
  for (const key of SLOT_KEYS) store.write(key, new Uint8Array(40).fill(0xff));
  const third = world.boot();
  await third.until(({ connections }) => connections.length === 1);
  expect(third.connections[0]?.source).toBe("dps");
  expect(world.emulator.counts.registrations).toBe(registrations + 1);
});

test("a store that is full: reported, and the device works", async () => {
  world = await EndToEnd.start();
  const full = {
    read: () => undefined,
    write: () => {
      throw new Error("ENOSPC: no space left on device");
    },
    delete: () => {},
  };
  const device = world.boot({ platform: { store: full } });
  await device.until(({ connections }) => connections.length === 1);
  expect(device.errors[0]).toMatchObject({ phase: "store", error: { code: "store-failed" } });
  expect(device.errors[0]?.error.message).toContain("ENOSPC");
});
