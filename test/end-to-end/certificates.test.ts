// SPDX-License-Identifier: MIT
/** Certificates issued by DPS and renewed by the hub: the device on Node's host, the emulator, real TLS. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { FileStore } from "../../hosts/node/store";
import type { CredentialReport } from "../../src/agent/credential";
import { IssuedCertificate } from "../../src/credentials/issued-certificate";
import { configuration, HUB, KEY } from "../helpers/emulator-client";
import { type DeviceChanges, type DeviceUnderTest, EndToEnd } from "../helpers/end-to-end";

const DAY = 86_400_000;

let world: EndToEnd | undefined;
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
    world = await EndToEnd.start({ configuration: issuing() });
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
    world = await EndToEnd.start();
    const device = boot(world);
    await device.until(({ connections }) => connections.length === 1);
    expect(device.codes).toEqual(["certificate-unusable"]);
    expect(device.errors[0]?.error.message).toContain("DPS has issued none");
    expect(states(device)).toEqual(["asked"]);
    device.agent.send(new Uint8Array(3));
    await device.until(({ acknowledged }) => acknowledged === 1);
  });

  test("a device that has an assignment from before asks for one, and then has it", async () => {
    world = await EndToEnd.start({ configuration: issuing() });
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
    world = await EndToEnd.start({
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
    world = await EndToEnd.start({ configuration: issuing() });
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
    world = await EndToEnd.start({
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
    world = await EndToEnd.start({
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

test("an expired certificate leads to DPS, with the identity's own proof", async () => {
  world = await EndToEnd.start({ configuration: issuing() });
  const first = boot(world);
  await first.until(({ connections }) => connections.length === 1);
  first.agent.stop();
  const device = boot(world, 31 * DAY, {
    // Its tokens are judged by the emulator's clock.
    host: { symmetricKey: KEY },
  });
  await device.until(({ credentials }) => credentials.length >= 2);
  expect(states(device).slice(0, 2)).toEqual(["asked", "stored"]);
});

test("a new certificate that the hub does not take is given up after three connections; the old one serves", async () => {
  world = await EndToEnd.start({ configuration: issuing() });
  const first = boot(world);
  await first.until(({ connections }) => connections.length === 1);
  first.agent.stop();
  const device = boot(world, 23 * DAY, {});
  // Whatever comes with the new one is refused.
  world.emulator.events.on("certificateIssued", ({ notAfter }) => {
    const issued = world?.emulator.devices.get(HUB, "dev-1");
    if (issued && notAfter > 0) issued.status = "disabled";
  });
  await device.until(({ codes }) => codes.includes("certificate-unusable"));
  const known = world.emulator.devices.get(HUB, "dev-1");
  if (known) known.status = "enabled";
  await device.until(({ connections }) => connections.length >= 2);
  expect(device.connections.length).toBeGreaterThanOrEqual(2);
});
