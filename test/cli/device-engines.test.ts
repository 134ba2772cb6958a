// SPDX-License-Identifier: MIT
/** `berth device` on each engine, as a process, against an emulator in this one. */
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createRootCertificate,
  type KeyType,
  thumbprintsOf,
} from "../../emulator/certificates";
import { Emulator } from "../../emulator/emulator";
import { configuration, HUB, KEY, SCOPE } from "../helpers/emulator-client";
import { BerthProcess, type Ended, type Event, eventsOf } from "./command";
import { ENGINES, type EngineUnderTest, PROCESS_ENGINES } from "./engines";

jest.setTimeout(60_000);

/** Beyond U+FFFF, where XS and C see text differently. */
const FAR = "ü😀";
let emulator: Emulator;
let directory: string;
const running: BerthProcess[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  emulator = await Emulator.start({ configuration: configuration(), dps: { immediate: true } });
});

afterEach(async () => {
  for (const one of running) one.kill("SIGKILL");
  await Promise.all(running.splice(0).map((one) => one.ended));
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

const stateOf = () => join(directory, `state ${FAR}`);
const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};

/** The device `dev-1` with its key; the words of `more` come last and win. */
function start(
  { name, environment }: Pick<EngineUnderTest, "name" | "environment">,
  more: readonly string[] = [],
  id = "dev-1",
): BerthProcess {
  const words = ["device", "--engine", name, "--json", "--id-scope", SCOPE, "--registration-id", id];
  if (!more.includes("--connect-to")) words.push("--connect-to", `:127.0.0.1:${emulator.port}`);
  words.push("--timeout", "50", "--state", stateOf());
  if (!more.includes("--ca")) words.push("--ca", file("ca.pem", emulator.ca.pem));
  const key: Record<string, string> = more.includes("--cert") ? {} : { BERTH_SYMMETRIC_KEY: `${KEY}\n` };
  const device = new BerthProcess([...words, ...more], { ...key, ...environment });
  running.push(device);
  return device;
}

/** Runs it to its end; whatever it prints holds no secret. */
async function run(...parameters: Parameters<typeof start>): Promise<Ended & { events: Event[] }> {
  const ended = await start(...parameters).ended;
  expect(ended.out + ended.err).not.toContain(KEY);
  expect(ended.out + ended.err).not.toMatch(/sig=[^*]/);
  return { ...ended, events: eventsOf(ended.out) };
}

const only = (events: readonly Event[], name: string) => events.filter(({ event }) => event === name);

describe.each(ENGINES)("on $name", (engine) => {
  const { test, name } = engine;

  test("every packet of a life, payload of the registration and more telemetry than the device queues", async () => {
    const more = ["--telemetry", "60", "--trace", "--payload", `{"modelId":"${FAR}","deep":{"a":[1]}}`];
    const { status, err, events } = await run(engine, more);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(only(events, "warning")).toEqual([]);
    expect(only(events, "assigned")).toEqual([
      { event: "assigned", hub: HUB, deviceId: "dev-1", substatus: "initialAssignment" },
    ]);
    expect(only(events, "connected")).toEqual([
      { event: "connected", hub: HUB, deviceId: "dev-1", source: "dps", sessionPresent: false },
    ]);
    expect(only(events, "acknowledged").map(({ count }) => count)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    expect(emulator.counts.telemetry).toBe(60);
    const packets = only(events, "packet");
    expect(packets.slice(0, 8).map(({ type, direction }) => `${direction} ${type}`)).toEqual([
      "sent CONNECT",
      "received CONNACK",
      "sent SUBSCRIBE",
      "received SUBACK",
      "sent PUBLISH",
      "received PUBACK",
      "received PUBLISH",
      "sent DISCONNECT",
    ]);
    expect(packets[0]?.detail).toContain("sig=***&");
    expect(packets[4]?.detail).toContain(`{"modelId":"${FAR}","deep":{"a":[1]}}`);
    expect(packets.at(-1)).toMatchObject({ type: "DISCONNECT", direction: "sent", peer: HUB });
    expect(packets.filter(({ type, topic }) => type === "PUBLISH" && topic !== undefined)).toHaveLength(62);
  });

  test("without --trace no packet is told", async () => {
    const { status, events } = await run(engine, ["--telemetry", "0"]);
    expect(status).toBe(0);
    expect(only(events, "packet")).toEqual([]);
    expect(only(events, "secure")).toHaveLength(name === "native" ? 2 : 0);
  });

  test.each<[KeyType, "pkcs8" | "sec1" | "pkcs1", string]>([
    ["ec-p256", "sec1", "curl's form"],
    ["rsa-2048", "pkcs1", "one host"],
  ])("certificate with a key of %s as %s, --connect-to in %s", async (keyType, form, connect) => {
    const pair = await createDeviceCertificate({ commonName: "pump-7", keyType });
    const { sha256Thumbprint } = thumbprintsOf(pair.certificatePem);
    const attestation = {
      type: "x509",
      x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } },
    };
    await emulator.stop();
    emulator = await Emulator.start({
      configuration: configuration({ enrollments: [{ registrationId: "pump-7", attestation }] } as never),
      dps: { immediate: true },
    });
    const words = ["--cert", file("c.pem", pair.certificatePem), "--key", file("k.pem", keyAs(pair, form))];
    const hosts = ["global.azure-devices-provisioning.net", HUB];
    const entries = hosts.flatMap((host) => [
      "--connect-to",
      `${host}${connect === "one host" ? "" : ":8883"}:127.0.0.1:${emulator.port}`,
    ]);
    const { status, events, err } = await run(engine, [...words, ...entries], "pump-7");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(only(events, "error")).toEqual([]);
    expect(only(events, "connected")).toMatchObject([{ deviceId: "pump-7", source: "dps" }]);
  });

  test("--stay takes messages from the cloud, whatever their bytes, until a signal ends it in order", async () => {
    const device = start(engine, ["--stay", "--telemetry", "1"]);
    await device.event("acknowledged");
    await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.from(`${FAR}\u0000`), { line: `7 ${FAR}` });
    await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.of(0xff, 0x00));
    await device.event("message", { base64: "/wA=" });
    device.interruptGroup();
    const { status, out, err } = await device.ended;
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(only(eventsOf(out), "message")).toMatchObject([
      { payload: `${FAR}\u0000`, properties: { line: `7 ${FAR}` } },
      { base64: "/wA=" },
    ]);
  });

  test("a message over --receive-limit is told and acknowledged, by body or properties; the connection stays", async () => {
    const device = start(engine, ["--stay", "--telemetry", "1", "--receive-limit", "2048"]);
    await device.event("acknowledged");
    await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.alloc(5_000, "x"));
    await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.from("x"), { long: "y".repeat(3_000) });
    await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.from("small"));
    await device.event("message", { payload: "small" });
    device.interruptGroup();
    const first = eventsOf((await device.ended).out);
    const report = { phase: "hub", code: "packet-too-large", final: false };
    expect(only(first, "error")).toMatchObject([report, report]);
    expect(String(only(first, "error")[0]?.message)).toMatch(
      /5\d{3} bytes received on devices\/dev-1\/messages/,
    );
    expect(only(first, "message")).toHaveLength(1);
    expect(only(first, "connected")).toHaveLength(1);
    // Nothing comes back.
    const { status, events } = await run(engine, ["--telemetry", "5"]);
    expect(status).toBe(0);
    expect([...only(events, "error"), ...only(events, "message")]).toEqual([]);
    expect(emulator.counts.telemetry).toBe(6);
  });

  test("an answer of DPS over --receive-limit is told with its sizes; with a higher one the device is assigned", async () => {
    await emulator.stop();
    const attestation = { type: "symmetricKey", symmetricKey: { primaryKey: KEY, secondaryKey: KEY } };
    emulator = await Emulator.start({
      configuration: configuration({
        enrollments: [{ registrationId: "dev-1", attestation, allocationPolicy: "custom" }],
      } as never),
      dps: { immediate: true },
      customAllocation: () => ({ iotHubHostName: HUB, payload: { filling: "x".repeat(9_000) } }),
    });
    const refused = await run(engine);
    expect(refused.status).toBe(1);
    expect(only(refused.events, "error")).toMatchObject([
      { phase: "dps", code: "packet-too-large", message: expect.stringContaining("is 8192"), final: true },
    ]);
    const { status, events } = await run(engine, ["--receive-limit", "20000"]);
    expect(status).toBe(0);
    expect(only(events, "assigned")).toMatchObject([{ hub: HUB, payload: { filling: "x".repeat(9_000) } }]);
  });

  test.each<[string, string[], string, boolean]>([
    ["a key that is not its own", [], "connack-not-authorized", false],
    ["a root that is not the server's", ["--ca"], "tls-untrusted", true],
    ["a name that is not the server's", ["--endpoint", "wrong.example"], "tls-name-mismatch", true],
  ])("%s is told by its own error", async (what, more, code, retriable) => {
    const other = await createRootCertificate({ commonName: "Other root", keyType: "ec-p256" });
    const words = more[0] === "--ca" ? ["--ca", file("other.pem", other.certificatePem)] : more;
    const wrongKey = { BERTH_SYMMETRIC_KEY: Buffer.alloc(32, 5).toString("base64") };
    const environment = what.startsWith("a key")
      ? { ...engine.environment, ...wrongKey }
      : engine.environment;
    const device = start({ name, environment }, words);
    const error = await device.event("error");
    // What may pass is tried again until the time is up.
    if (retriable) device.kill("SIGTERM");
    const { status, out, err } = await device.ended;
    expect(error).toMatchObject({ phase: "dps", code, retriable, final: !retriable });
    expect({ status, err }).toEqual({ status: retriable ? 143 : 1, err: "" });
    expect(out).not.toContain(wrongKey.BERTH_SYMMETRIC_KEY);
    expect(emulator.counts.registrations).toBe(0);
  });

  test.each([
    ["connack", "connack-timeout", "dps"],
    ["suback", "subscribe-timeout", "dps"],
    ["register", "dps-timeout", "dps"],
    // DPS answers all the same.
    ["puback", "publish-timeout", "hub"],
  ] as const)("a server that stalls at %s is told when the time is up", async (step, code, phase) => {
    emulator.faults.add({ step, action: "drop" });
    const { status, events } = await run(engine, ["--timeout", "4"]);
    expect(status).toBe(1);
    expect(only(events, "error")).toMatchObject([{ code, phase, final: true, about: "gave up after 4 s" }]);
  });

  test("a state directory that is none is refused before anything is sent", async () => {
    const { status, events } = await run(engine, ["--state", file(`no ${FAR}`, "")]);
    expect(status).toBe(2);
    expect(only(events, "error")).toMatchObject([{ code: "invalid-argument" }]);
    expect(String(only(events, "error")[0]?.message)).toContain(`no ${FAR}`);
    expect(emulator.counts.connectionsOf("dps")).toBe(0);
  });
});

/** `pair`'s key in an older form of PEM, as other tools write it. */
function keyAs({ privateKeyPem }: { privateKeyPem: string }, form: "pkcs8" | "sec1" | "pkcs1"): string {
  return createPrivateKey(privateKeyPem)
    .export({ type: form, format: "pem" } as never)
    .toString();
}

describe.each(PROCESS_ENGINES)("on $name", (engine) => {
  const { test } = engine;

  test("a process that dies ends the device with an error", async () => {
    const device = start(engine, ["--stay", "--telemetry", "1"]);
    const { pid } = await device.event("process");
    await device.event("acknowledged");
    process.kill(Number(pid), "SIGKILL");
    const { status, out } = await device.ended;
    expect(status).toBe(1);
    expect(only(eventsOf(out), "error")).toMatchObject([
      { code: "internal", message: expect.stringContaining("SIGKILL"), final: true },
    ]);
  });
});

(PROCESS_ENGINES.at(-1)?.test ?? test)("a device goes on with what another engine has stored", async () => {
  const [node, native] = ENGINES as [EngineUnderTest, EngineUnderTest];
  const order = [native, node, native, node];
  const sources: unknown[] = [];
  for (const engine of order) {
    const { status, events } = await run(engine);
    expect(status).toBe(0);
    sources.push(...only(events, "connected").map(({ source }) => source));
  }
  expect(sources).toEqual(["dps", "stored", "stored", "stored"]);
  expect(emulator.counts).toMatchObject({ registrations: 1, telemetry: order.length });
  expect(readdirSync(directory).filter((name) => name.startsWith("state"))).toHaveLength(1);
  // Assigned anew by one, found by the next.
  rmSync(stateOf(), { recursive: true });
  for (const engine of [node, native]) expect((await run(engine)).status).toBe(0);
  expect(emulator.counts.registrations).toBe(2);
});

describe.each(ENGINES)("$name: --outbox", (engine) => {
  engine.test("keeps what no hub has had; the next run sends it first, in order", async () => {
    const outbox = ["--outbox", join(directory, `outbox ${FAR}`)];
    const nobody = ["--connect-to", ":127.0.0.1:9", "--timeout", "3"];
    const first = await run(engine, [...outbox, ...nobody, "--data", "1", "--data", "2", "--data", "3"]);
    expect(first.status).toBe(1);
    expect(only(first.events, "waiting")).toMatchObject([{ count: 3, outbox: outbox[1] }]);
    const second = await run(engine, [...outbox, "--data", "4"]);
    expect(only(second.events, "waiting")).toEqual([]);
    expect(second.status).toBe(0);
    expect(only(second.events, "kept")).toMatchObject([{ count: 3 }]);
    expect(emulator.telemetry.map(({ body }) => body.toString())).toEqual(["1", "2", "3", "4"]);
    const third = await run(engine, [...outbox, "--telemetry", "0"]);
    expect([third.status, only(third.events, "kept")]).toEqual([0, []]);
  });
});
