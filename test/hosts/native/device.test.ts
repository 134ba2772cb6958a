// SPDX-License-Identifier: MIT
/** The agent on XS with TLS and HMAC in C, against the emulator, under sanitizers: leaks are failures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "@jest/globals";
import { createDeviceCertificate, type KeyType, thumbprintsOf } from "../../../emulator/certificates";
import { Emulator } from "../../../emulator/emulator";
import type { EmulatorOptions } from "../../../emulator/options";
import type { AgentOptions } from "../../../src/agent/agent";
import { configuration, HUB, KEY, SCOPE } from "../../helpers/emulator-client";
import { parseConnectTo } from "../../../hosts/sockets/connect-to";
import { derOf, NativeProcess, withNative, withNativeEach } from "../../helpers/native";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

class World {
  readonly emulator: Emulator;
  readonly stateDirectory: string;

  private constructor(emulator: Emulator) {
    this.emulator = emulator;
    this.stateDirectory = mkdtempSync(join(tmpdir(), "berth-test-"));
  }

  static async start(options: Partial<EmulatorOptions> = {}): Promise<World> {
    const emulator = await Emulator.start({
      configuration: configuration(),
      dps: { immediate: true },
      ...options,
    });
    const world = new World(emulator);
    cleanups.push(
      () => emulator.stop(),
      () => rmSync(world.stateDirectory, { recursive: true, force: true }),
    );
    return world;
  }

  boot(
    host: object = { symmetricKey: KEY },
    agent: Partial<AgentOptions> = {},
    trace = false,
  ): NativeProcess {
    const device = new NativeProcess({
      run: "agent",
      trace,
      host: {
        stateDirectory: this.stateDirectory,
        roots: [derOf(this.emulator.ca.pem)],
        connectTo: parseConnectTo(`:127.0.0.1:${this.emulator.port}`),
        ...host,
      },
      agent: {
        identity: { idScope: SCOPE, registrationId: "dev-1", attestation: "symmetricKey" },
        backoff: { base: 20, cap: 100 },
        slowBackoff: { base: 20, cap: 100 },
        ...agent,
      },
    });
    cleanups.push(() => device.stop());
    return device;
  }
}

const CLEAN = { status: 0, stderr: "" };
/** MQTT 3.1.1: the first byte of CONNECT, all of CONNACK 0 and of DISCONNECT. */
const CONNECT = 0x10;
const CONNACK = "\x20\x02\0\0";
const DISCONNECT = "\xe0\0";

withNative("first start by DPS, second from the store: no call to DPS", async () => {
  const world = await World.start();
  const first = world.boot();
  first.send('{"temperature":21.5}');
  await first.next("acknowledged");
  expect(await first.stop()).toEqual(CLEAN);
  expect(first.of("connected")).toMatchObject([{ hub: HUB, deviceId: "dev-1", source: "dps" }]);
  expect(first.of("secure")).toMatchObject([
    { suite: expect.stringMatching(/^TLS.*ECDHE.*GCM|^TLS1-3/) },
    { resumed: false },
  ]);

  const second = world.boot();
  second.send("x");
  await second.next("acknowledged");
  expect(await second.stop()).toEqual(CLEAN);
  expect(second.of("connected")).toMatchObject([{ hub: HUB, source: "stored" }]);
  expect(world.emulator.counts).toMatchObject({ registrations: 1, telemetry: 2 });
  expect([...first.of("error"), ...second.of("error")]).toEqual([]);
});

withNativeEach<KeyType>(["rsa-2048", "ec-p256"])("x.509 with a key of %s", async (keyType) => {
  const { certificatePem, privateKeyPem } = await createDeviceCertificate({ commonName: "pump-7", keyType });
  const { sha256Thumbprint } = thumbprintsOf(certificatePem);
  const world = await World.start({
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
  const device = world.boot(
    { certificate: [derOf(certificatePem)], key: derOf(privateKeyPem) },
    { identity: { idScope: SCOPE, registrationId: "pump-7", attestation: "x509" } },
  );
  device.send("x");
  await device.next("acknowledged");
  expect(await device.stop()).toEqual(CLEAN);
  expect(device.of("connected")).toMatchObject([{ deviceId: "pump-7", source: "dps" }]);
  expect(device.of("error")).toEqual([]);
});

withNative("a key that is not the device's is refused by DPS", async () => {
  const world = await World.start();
  const device = world.boot({ symmetricKey: Buffer.alloc(32, 5).toString("base64") });
  expect(await device.next("error")).toMatchObject({
    phase: "dps",
    code: expect.stringMatching(/^(dps|connack)-/),
  });
  expect(await device.stop()).toEqual(CLEAN);
});

withNative("a root that is not the server's: tls-untrusted, and no word of MQTT", async () => {
  const world = await World.start();
  const stranger = await createDeviceCertificate({ commonName: "x", keyType: "ec-p256" });
  const device = world.boot({ symmetricKey: KEY, roots: [derOf(stranger.certificatePem)] });
  expect(await device.next("error")).toMatchObject({ phase: "dps", code: "tls-untrusted" });
  expect(await device.stop()).toEqual(CLEAN);
  expect(world.emulator.counts.registrations).toBe(0);
});

withNative("a new connection to the hub resumes the session", async () => {
  const world = await World.start();
  const device = world.boot();
  device.send("first");
  await device.next("acknowledged");
  device.tell({ command: "stop" });
  device.tell({ command: "start" });
  device.send("second");
  await device.next("connected", 1);
  await device.until(() => world.emulator.counts.telemetry === 2);
  expect(await device.stop()).toEqual(CLEAN);
  expect(device.of("secure").map(({ resumed }) => resumed)).toEqual([false, false, true]);
});

withNativeEach<KeyType | "SAS">(["SAS", "ec-p256"])(
  "a life with %s while garbage is collected at each allocation: C keeps no pointer into the heap of XS",
  async (proof) => {
    process.env.BERTH_GC_STRESS = "1";
    cleanups.push(() => delete process.env.BERTH_GC_STRESS);
    const { certificatePem, privateKeyPem } = await createDeviceCertificate({
      commonName: "dev-1",
      keyType: "ec-p256",
    });
    const { sha256Thumbprint } = thumbprintsOf(certificatePem);
    const attestation = {
      type: "x509",
      x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } },
    };
    const x509 = proof !== "SAS";
    const world = await World.start(
      x509
        ? {
            configuration: configuration({
              enrollments: [{ registrationId: "dev-1", attestation }],
            } as never),
          }
        : {},
    );
    const identity = { idScope: SCOPE, registrationId: "dev-1" };
    const device = x509
      ? world.boot(
          { certificate: [derOf(certificatePem)], key: derOf(privateKeyPem) },
          { identity: { ...identity, attestation: "x509" } },
        )
      : world.boot();
    device.send("first");
    await device.next("acknowledged");
    device.tell({ command: "stop" });
    device.tell({ command: "start" });
    device.send("x".repeat(3_000));
    await device.until(() => world.emulator.counts.telemetry === 2);
    world.emulator.sendCloudToDevice(HUB, "dev-1", Buffer.from("to the device"));
    await device.next("message");
    expect(await device.stop()).toEqual(CLEAN);
    expect(device.of("error")).toEqual([]);
  },
);

withNative("messages larger than all buffers on the way", async () => {
  const world = await World.start();
  // The smallest room that a board's TCP has: one segment.
  const device = world.boot(
    { symmetricKey: KEY, tcpRoom: 1460 },
    { hub: { outputSize: 20_000 }, outbox: { bytes: 100_000 } },
  );
  const text = "0123456789".repeat(1500);
  for (let i = 0; i < 4; i += 1) device.send(text);
  await device.until(() => device.of("acknowledged").length >= 4);
  expect(await device.stop()).toEqual(CLEAN);
  expect(world.emulator.counts.telemetry).toBe(4);
});

withNative("cloud-to-device messages come in", async () => {
  const world = await World.start();
  const device = world.boot();
  await device.next("connected");
  const payload = Buffer.from("grüße ".repeat(100));
  await world.emulator.sendCloudToDevice(HUB, "dev-1", payload, { line: "7" });
  expect(await device.next("message")).toEqual({
    event: "message",
    payload: payload.toString("base64"),
    properties: expect.objectContaining({ line: "7" }),
    offset: 0,
    byteLength: payload.length,
  });
  expect(await device.stop()).toEqual(CLEAN);
});

withNative("with trace all that passes inside TLS is told, but no signature", async () => {
  const world = await World.start();
  const device = world.boot({ symmetricKey: KEY }, {}, true);
  device.send("x");
  await device.next("acknowledged");
  expect(await device.stop()).toEqual(CLEAN);
  expect(device.of("opened")).toEqual([
    { event: "opened", connection: 1, peer: "global.azure-devices-provisioning.net" },
    { event: "opened", connection: 2, peer: HUB },
  ]);
  const streamOf = (name: string, of: number): string =>
    device
      .of(name)
      .filter(({ connection }) => connection === of)
      .map(({ bytes }) => Buffer.from(String(bytes), "base64").toString("latin1"))
      .join("");
  const [toDps, toHub] = [streamOf("sent", 1), streamOf("sent", 2)];
  for (const stream of [toDps, toHub]) {
    expect(stream.codePointAt(0)).toBe(CONNECT);
    expect(stream).toMatch(/SharedAccessSignature sr=[^&]*&sig=\*{44,}&se=\d+/);
    expect(stream).not.toMatch(/sig=[^*]/);
    expect(stream.endsWith(DISCONNECT)).toBe(true);
  }
  expect(toDps).toContain("$dps/registrations/PUT/iotdps-register/");
  expect(streamOf("received", 1).startsWith(CONNACK)).toBe(true);
  expect(streamOf("received", 1)).toContain('"status":"assigned"');
  expect(toHub).toContain("devices/dev-1/messages/events/");
});

withNative("a message is answered by its number: accepted, or why not", async () => {
  const world = await World.start();
  const device = world.boot({ symmetricKey: KEY }, { outbox: { capacity: 1 } });
  device.tell({ command: "send", payload: "a", properties: { alarm: "yes", flag: null }, id: 1 });
  device.tell({ command: "send", payload: "b", id: 2 });
  await device.next("acknowledged");
  expect(await device.stop()).toEqual(CLEAN);
  expect(device.of("accepted")).toEqual([{ event: "accepted", id: 1 }]);
  expect(device.of("refused")).toMatchObject([{ id: 2, code: "outbox-full" }]);
  const [telemetry] = world.emulator.telemetry;
  expect([...(telemetry?.properties ?? [])].slice(0, 2)).toEqual([
    ["alarm", "yes"],
    ["flag", null],
  ]);
  expect(device.of("room")).toHaveLength(1);
});

withNative("settings that are wrong end the program with one line", async () => {
  const bad = new NativeProcess({
    run: "agent",
    host: { stateDirectory: "/nonexistent\u0000", roots: [], symmetricKey: "no base64!" },
    agent: {},
  });
  expect(await bad.end).toEqual({ status: 64, stderr: "" });
  expect(bad.events).toMatchObject([{ event: "refused", code: "invalid-argument" }]);
  expect(JSON.stringify(bad.events)).not.toContain("no base64!");
});

withNative("where there is no HMAC peripheral an eFuse key is refused", async () => {
  const bad = new NativeProcess({
    run: "agent",
    host: { stateDirectory: "/tmp", roots: [], efuseBlock: 0 },
    agent: {},
  });
  expect(await bad.end).toEqual({ status: 64, stderr: "" });
  expect(bad.events).toMatchObject([
    { event: "refused", code: "invalid-argument", message: expect.stringMatching(/no HMAC peripheral/) },
  ]);
});
