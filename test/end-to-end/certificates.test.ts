// SPDX-License-Identifier: MIT
/** Certificates issued by DPS and renewed by the hub: the device on Node's host, the emulator, real TLS. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import type { EmulatorOptions } from "../../emulator/options";
import { LateClock } from "../helpers/late-clock";
import { FileStore } from "../../hosts/node/store";
import type { CredentialReport } from "../../src/agent/credential";
import { IssuedCertificate } from "../../src/credentials/issued-certificate";
import { authorityDirectory, configuration, HUB } from "../helpers/emulator-client";
import { type DeviceChanges, type DeviceUnderTest, EndToEnd } from "../helpers/end-to-end";

const DAY = 86_400_000;

let world: EndToEnd | undefined;
/** With the CA that all tests share: making its RSA keys takes long. */
function begin(options: Partial<EmulatorOptions> = {}): Promise<EndToEnd> {
  return EndToEnd.start({ authorityDirectory, ...options });
}

afterEach(async () => {
  await world?.stop();
  world = undefined;
});

function issuing() {
  const [enrollment] = configuration().enrollments;
  return configuration({ enrollments: [{ ...enrollment!, credentialPolicyName: "default" }] });
}

/** A device that has a certificate issued, at a time of its own. */
function boot(to: EndToEnd, late = 0, changes: DeviceChanges = {}): DeviceUnderTest {
  return to.boot({
    ...changes,
    platform: {
      clock: { now: () => Date.now() + late, ticks: () => performance.now() },
      ...changes.platform,
    },
    agent: { credentials: [new IssuedCertificate()], ...changes.agent },
  });
}

const states = (device: DeviceUnderTest): CredentialReport["state"][] =>
  device.credentials.map(({ state }) => state);

/** What the emulator has issued, and to whom it has said no. */
function watch(to: EndToEnd): { issued: string[]; refused: string[] } {
  const seen = { issued: [] as string[], refused: [] as string[] };
  to.emulator.events.on("certificateIssued", ({ by }) => seen.issued.push(by));
  to.emulator.events.on("refuse", ({ endpoint = "", reason }) => seen.refused.push(`${endpoint}: ${reason}`));
  return seen;
}

describe("issued by DPS", () => {
  test("asked for with the registration, shown to the hub, kept over a restart", async () => {
    world = await begin({ configuration: issuing() });
    const seen = watch(world);
    const device = boot(world);
    await device.until(({ connections }) => connections.length === 1);
    expect(states(device)).toEqual(["asked", "stored", "in-use"]);
    expect(world.emulator.devices.get(HUB, "dev-1")?.authentication).toEqual({
      type: "issued",
      commonName: "dev-1",
    });
    device.agent.stop();
    const again = boot(world);
    await again.until(({ connections }) => connections.length === 1);
    expect(again.connections[0]?.source).toBe("stored");
    expect([states(again), again.codes, device.codes]).toEqual([[], [], []]);
    expect(seen).toEqual({ issued: ["dps"], refused: [] });
  });

  test("where the enrollment issues none the device goes on as it is, and says so once", async () => {
    world = await begin();
    const device = boot(world);
    await device.until(({ connections }) => connections.length === 1);
    expect(device.codes).toEqual(["certificate-unusable"]);
    expect(device.errors[0]?.error.message).toContain("DPS has issued none");
    expect(states(device)).toEqual(["asked"]);
    device.agent.send(new Uint8Array(3));
    await device.until(({ acknowledged }) => acknowledged === 1);
  });

  test("a device that has an assignment from before asks for one, and then has it", async () => {
    world = await begin({ configuration: issuing() });
    const old = world.boot();
    await old.until(({ connections }) => connections.length === 1);
    old.agent.stop();
    const device = boot(world);
    await device.until(({ connections }) => connections.length === 1);
    expect(states(device)).toEqual(["asked", "stored", "in-use"]);
    expect(device.connections[0]?.source).toBe("dps");
  });

  test.each([
    ["garbage", ["AAAA"], "no X.509"],
    ["no base64", ["!"], "no base64"],
    ["no array", { a: 1 }, "no chain"],
    ["an empty chain", [], "no chain"],
    ["seven certificates", Array(7).fill("AAAA"), "no chain"],
  ])("%s in place of a chain: told, and the device connects with what it has", async (_, chain, about) => {
    world = await begin({
      faults: [
        {
          step: "register",
          action: "status",
          status: 200,
          body: {
            operationId: "5.1",
            status: "assigned",
            registrationState: {
              registrationId: "dev-1",
              assignedHub: HUB,
              deviceId: "dev-1",
              status: "assigned",
              issuedCertificateChain: chain,
            },
          },
        },
      ],
    });
    const device = boot(world);
    await device.until(({ connections }) => connections.length === 1);
    expect(device.codes).toEqual(["certificate-unusable"]);
    expect(device.errors[0]?.error.message).toContain(about);
    // It proves itself as it did before.
    expect(states(device)).toEqual(["asked"]);
  });
});

describe("renewed by the hub", () => {
  test("at two thirds of its life: the new one is in use, the old one gone", async () => {
    world = await begin({ configuration: issuing() });
    const seen = watch(world);
    const first = boot(world);
    await first.until(({ connections }) => connections.length === 1);
    first.agent.stop();
    const early = boot(world, 19 * DAY);
    await early.until(({ connections }) => connections.length === 1);
    early.agent.send(new Uint8Array(1));
    await early.until(({ acknowledged }) => acknowledged === 1);
    early.agent.stop();
    expect(states(early)).toEqual([]);
    const late = boot(world, 23 * DAY);
    await late.until(({ connections }) => connections.length === 2);
    expect([states(late), late.codes]).toEqual([["asked", "stored", "in-use"], []]);
    expect(seen).toEqual({ issued: ["dps", HUB], refused: [] });
    late.agent.stop();
    const store = new FileStore(world.stateDirectory);
    const slots = ["certificate0", "certificate1"].filter((key) => store.read(key) !== undefined);
    expect(slots).toHaveLength(1);
  });

  test.each([
    ["429", { status: 429, retryAfter: 1, body: { errorCode: 429002, message: "slow" } }, "hub-throttled"],
    ["503", { status: 503, body: { errorCode: 503001 } }, "hub-server-error"],
    ["400040", { status: 400, body: { errorCode: 400040, message: "bad csr" } }, "hub-refused"],
    ["garbage", { status: 200, body: { certificates: ["AAAA"] } }, "certificate-unusable"],
    ["no certificates", { status: 200, body: {} }, "certificate-unusable"],
    ["no JSON", { status: 200, body: "<html>" }, "certificate-unusable"],
  ])("the hub answers %s: told, and the connection stays", async (_, answer, code) => {
    world = await begin({
      configuration: issuing(),
      faults: [{ step: "issueCertificate", action: "status", ...answer }],
    });
    const first = boot(world);
    await first.until(({ connections }) => connections.length === 1);
    first.agent.stop();
    const device = boot(world, 23 * DAY);
    await device.until(({ codes }) => codes.length === 1);
    expect(device.codes).toEqual([code]);
    device.agent.send(new Uint8Array(1));
    await device.until(({ acknowledged }) => acknowledged === 1);
    expect(device.connections).toHaveLength(1);
  });

  test("in the last sixth DPS is asked where the hub refuses", async () => {
    world = await begin({
      configuration: issuing(),
      faults: [{ step: "issueCertificate", action: "status", status: 400 }],
    });
    const seen = watch(world);
    const first = boot(world);
    await first.until(({ connections }) => connections.length === 1);
    first.agent.stop();
    const device = boot(world, 26 * DAY);
    await device.until(({ connections }) => connections.length === 1);
    expect(states(device)).toEqual(["asked", "stored", "in-use"]);
    expect(seen.issued).toEqual(["dps", "dps"]);
  });
});

test("an expired certificate leads to DPS, where the device proves itself as its identity says", async () => {
  const clock = new LateClock();
  world = await begin({ configuration: issuing(), clock });
  const seen = watch(world);
  const first = boot(world);
  await first.until(({ connections }) => connections.length === 1);
  first.agent.stop();
  clock.late = 31 * DAY;
  const device = boot(world, clock.late);
  await device.until(({ connections }) => connections.length === 1);
  expect(states(device)).toEqual(["asked", "stored", "in-use"]);
  expect([seen, device.codes]).toEqual([{ issued: ["dps", "dps"], refused: [] }, []]);
});

test("an x.509 device with an EC key and a chain proves itself at DPS with that, and at the hub with what was issued", async () => {
  const root = await createRootCertificate({ commonName: "Line", keyType: "ec-p256" });
  const ca = await createIntermediateCertificate({ commonName: "Line CA", keyType: "ec-p256" }, root);
  const own = await createDeviceCertificate({ commonName: "dev-7", keyType: "ec-p256" }, ca);
  world = await begin({
    configuration: configuration({
      enrollmentGroups: [
        {
          enrollmentGroupId: "line",
          attestation: {
            type: "x509",
            x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
          },
          clientCertificateIssuancePolicy: { certificateAuthorityName: "line" },
        },
      ],
    }),
  });
  const seen = watch(world);
  const device = boot(world, 0, {
    registrationId: "dev-7",
    host: {
      symmetricKey: undefined,
      certificate: own.certificatePem + ca.certificatePem,
      key: own.privateKeyPem,
    },
  });
  await device.until(({ connections }) => connections.length === 1);
  expect(world.emulator.registration("dev-7")?.x509?.certificateInfo.subjectName).toBe("CN=dev-7");
  expect(world.emulator.devices.get(HUB, "dev-7")?.authentication.type).toBe("issued");
  expect([seen, device.codes]).toEqual([{ issued: ["dps"], refused: [] }, []]);
});
