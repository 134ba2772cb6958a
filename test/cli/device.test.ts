// SPDX-License-Identifier: MIT
/** `berth device` against `berth emulator`, both as processes, as a user runs them. */

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import { HttpProxy } from "../helpers/http-proxy";
import { BerthProcess, berth, type Ended, type Event, eventsOf } from "./command";

// Each provisioning waits the 3 s that DPS asks for.
jest.setTimeout(60_000);

const newKey = () => randomBytes(64).toString("base64");
const KEYS = { single: newKey(), disabled: newKey(), group: newKey() };
const SCOPE = "0ne00000000";
let directory: string;
let emulator: BerthProcess;
let ready: Event;
let states = 0;
const running: BerthProcess[] = [];

function start(words: readonly string[], environment?: Record<string, string>): BerthProcess {
  const one = new BerthProcess(words, environment);
  running.push(one);
  return one;
}

const symmetric = (primaryKey: string) => ({ type: "symmetricKey", symmetricKey: { primaryKey } });

function configuration(more: object = {}): object {
  return {
    idScope: SCOPE,
    iotHubs: ["hub-1.example", "hub-2.example"],
    enrollments: [
      { registrationId: "single", deviceId: "boat-7", attestation: symmetric(KEYS.single), ...more },
      { registrationId: "off", attestation: symmetric(KEYS.disabled), provisioningStatus: "disabled" },
      JSON.parse(readFileSync(join(directory, "certificates", "x-1.enrollment.json"), "utf8")),
    ],
    enrollmentGroups: [{ enrollmentGroupId: "group", attestation: symmetric(KEYS.group) }],
  };
}

async function startEmulator(
  name: string,
  document: object,
): Promise<{ process: BerthProcess; ready: Event }> {
  const file = join(directory, `${name}.json`);
  writeFileSync(file, JSON.stringify(document));
  const process = start([
    "emulator",
    "--port",
    "0",
    "--state",
    join(directory, name),
    "--config",
    file,
    "--json",
  ]);
  return { process, ready: await process.event("ready") };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  const made = await berth(
    "identity",
    "certificates",
    "--registration-id",
    "x-1",
    "--directory",
    join(directory, "certificates"),
  );
  expect(made.status).toBe(0);
  const started = await startEmulator(
    "emulator",
    configuration({ allocationPolicy: "static", iotHubHostName: "hub-1.example" }),
  );
  emulator = started.process;
  ready = started.ready;
});

afterEach(() => {
  for (const one of running) if (one !== emulator) one.kill("SIGKILL");
});

afterAll(async () => {
  for (const one of running) one.kill("SIGKILL");
  await Promise.all(running.map((one) => one.ended));
  rmSync(directory, { recursive: true, force: true });
});

const certificateWords = (): string[] => [
  "--cert",
  join(directory, "certificates", "x-1.pem"),
  "--key",
  join(directory, "certificates", "x-1.key.pem"),
];

const newState = () => join(directory, `state-${++states}`);

/** The words of a device of `id`; those of `more` come last and win. */
function deviceWords(id: string, more: readonly string[], to: Event = ready): string[] {
  const words = ["device", "--id-scope", SCOPE, "--registration-id", id, "--endpoint", "127.0.0.1", "--json"];
  words.push("--port", String(to.port), "--ca", String(to.ca), "--telemetry", "2", "--timeout", "25");
  for (const hub of to.hubs as string[]) words.push("--connect-to", `${hub}:127.0.0.1:${to.port}`);
  return [...words, ...more];
}

async function device(
  id: string,
  more: readonly string[],
  environment?: Record<string, string>,
): Promise<Ended & { events: Event[] }> {
  const ended = await start(deviceWords(id, more), environment).ended;
  for (const key of Object.values(KEYS)) expect(ended.out + ended.err).not.toContain(key);
  expect(ended.out + ended.err).not.toMatch(/sig=[^*]/);
  return { ...ended, events: eventsOf(ended.out) };
}

const only = (events: readonly Event[], name: string) => events.filter(({ event }) => event === name);
const key = (value: string) => ({ BERTH_SYMMETRIC_KEY: value });

/** Of all devices so far: the emulator has reported a connection before its device can end. */
function dpsConnections(): number {
  return eventsOf(emulator.output()).filter(
    ({ event, endpoint }) => event === "connect" && endpoint === "dps",
  ).length;
}

test("the emulator says what others need to know", () => {
  expect(ready).toEqual({
    event: "ready",
    port: expect.any(Number),
    httpsPort: expect.any(Number),
    amqpsPort: expect.any(Number),
    idScope: SCOPE,
    ca: expect.stringContaining(directory),
    hubs: ["hub-1.example", "hub-2.example"],
    dps: "berth.azure-devices-provisioning.net",
  });
  expect(readFileSync(String(ready.ca), "utf8")).toContain("BEGIN CERTIFICATE");
});

test("a device provisions itself, and comes back by its stored assignment without DPS", async () => {
  const state = newState();
  const first = await device("single", ["--state", state], key(KEYS.single));
  expect(first.err).toBe("");
  expect(first.status).toBe(0);
  expect(only(first.events, "assigned")).toEqual([
    { event: "assigned", hub: "hub-1.example", deviceId: "boat-7", substatus: "initialAssignment" },
  ]);
  expect(only(first.events, "connected")).toEqual([
    { event: "connected", hub: "hub-1.example", deviceId: "boat-7", source: "dps", sessionPresent: false },
  ]);
  expect(only(first.events, "acknowledged").map(({ count }) => count)).toEqual([1, 2]);
  expect(only(first.events, "error")).toEqual([]);
  expect(await emulator.event("telemetry", { deviceId: "boat-7" })).toMatchObject({
    payload: expect.stringMatching(/^{"sequence":1,"uptime":\d+}$/),
    properties: { "$.ct": "application/json", "$.ce": "utf-8" },
  });
  const calls = dpsConnections();
  const second = await device("single", ["--state", state, "--telemetry", "40"], key(KEYS.single));
  expect(second.status).toBe(0);
  expect(only(second.events, "assigned")).toEqual([]);
  expect(only(second.events, "connected")).toMatchObject([{ source: "stored", deviceId: "boat-7" }]);
  expect(only(second.events, "acknowledged")).toHaveLength(40);
  expect(dpsConnections()).toBe(calls);
});

test("certificate, derived key and key file prove a device as well", async () => {
  const derived = await berth("identity", "derive", "--group-key", KEYS.group, "--registration-id", "g-1");
  const keyFile = join(directory, "g-1.key");
  writeFileSync(keyFile, derived.out);
  // The intermediate first, as some tools write it.
  const certificate = join(directory, "x-1.reversed.pem");
  const chain = readFileSync(join(directory, "certificates", "x-1.pem"), "utf8").split(
    /(?<=-----END CERTIFICATE-----\n)/,
  );
  writeFileSync(certificate, chain.reverse().join(""));
  const privateKey = join(directory, "certificates", "x-1.key.pem");
  const [x509, group] = await Promise.all([
    device("X-1", ["--state", newState(), "--cert", certificate, "--key", privateKey]),
    device("g-1", ["--state", newState(), "--symmetric-key-file", keyFile, "--trace"]),
  ]);
  for (const { status, events } of [x509, group]) {
    expect(only(events, "error")).toEqual([]);
    expect(status).toBe(0);
    expect(only(events, "connected")).toMatchObject([{ source: "dps" }]);
  }
  // DPS does not mind the case.
  expect(only(x509.events, "warning").map(({ message }) => message)).toEqual([
    expect.stringContaining(
      'the certificate is for "x-1", which differs from "X-1" in case; DPS takes that now',
    ),
  ]);
  expect(only(group.events, "packet").map(({ type }) => type)).toEqual(
    expect.arrayContaining(["CONNECT", "CONNACK", "SUBSCRIBE", "SUBACK", "PUBLISH", "PUBACK", "DISCONNECT"]),
  );
  expect(group.out).not.toContain(derived.out.trim());
});

test("other ways: by option and by environment; what is wrong is told without a password", async () => {
  const proxy = await HttpProxy.start({ credentials: "user:sesame" });
  const words = ["device", "--id-scope", SCOPE, "--registration-id", "x-1", ...certificateWords(), "--json"];
  words.push(
    "--ca",
    String(ready.ca),
    "--connect-to",
    `:127.0.0.1:${ready.httpsPort}`,
    "--state",
    newState(),
  );
  const secret = { BERTH_PROXY: `http://user:sesame@127.0.0.1:${proxy.port}` };
  const { status, out, err } = await start([...words, "--transport", "websocket"], secret).ended;
  expect({ status, connected: eventsOf(out).find(({ event }) => event === "connected") }).toMatchObject({
    status: 0,
    connected: { transport: "websocket" },
  });
  expect(out + err).not.toContain("sesame");
  expect(new Set(proxy.targets)).toEqual(new Set([`127.0.0.1:${ready.httpsPort}`]));
  await proxy.stop();

  for (const [more, about] of [
    [["--proxy", "https://user:sesame@x:1"], "the option proxy is no http://HOST:PORT"],
    [["--transport", "tcp,http"], '"http" is no transport'],
    [["--gateway", "https://edge"], "Give a host name alone"],
  ] as const) {
    const wrong = await start([...words, ...more]).ended;
    expect(wrong).toMatchObject({ status: 2 });
    expect(wrong.out + wrong.err).toContain(about.replaceAll('"', wrong.out === "" ? '"' : '\\"'));
    expect(wrong.out + wrong.err).not.toContain("sesame");
  }
});

test("a private key of another certificate is refused by the names of both files", async () => {
  const certificate = join(directory, "certificates", "x-1.pem");
  const other = join(directory, "certificates", "root.key.pem");
  const words = ["device", "--id-scope", SCOPE, "--registration-id", "x-1", "--cert", certificate];
  const wrong = await berth(...words, "--key", other);
  expect(wrong).toMatchObject({ status: 2, out: "" });
  expect(wrong.err).toContain(`${other} is not the private key of ${certificate}`);
  const none = await berth(...words, "--key", certificate);
  expect(none).toMatchObject({ status: 2, out: "" });
  expect(none.err).toContain(`${certificate} holds no private key in PEM or DER; it holds a certificate`);
});

test.each<[string, string, string, string[]]>([
  ["a wrong key", "single", newKey(), ["connack-not-authorized", "dps-unauthorized"]],
  ["the group's key itself", "g-2", KEYS.group, ["connack-not-authorized", "dps-unauthorized"]],
  [
    "an unknown id scope",
    "single",
    KEYS.single,
    ["connack-not-authorized", "dps-unauthorized", "dps-not-found", "connack-bad-credentials"],
  ],
  ["a disabled enrollment", "off", KEYS.disabled, ["dps-disabled", "connack-not-authorized"]],
])("%s ends the device with a typed error", async (what, id, deviceKey, codes) => {
  const scope = what === "an unknown id scope" ? ["--id-scope", "0neffffffff"] : [];
  const { status, events } = await device(id, ["--state", newState(), ...scope], key(deviceKey));
  expect(status).toBe(1);
  const error = only(events, "error").at(-1);
  expect(error).toMatchObject({ retriable: false, final: true, message: expect.any(String) });
  expect(codes).toContain(error?.code);
  expect(only(events, "assigned")).toEqual([]);
});

test("in words an error says which server it is about, and what to check", async () => {
  const words = deviceWords("single", ["--state", newState()]).filter((word) => word !== "--json");
  const { status, err } = await start(words, key(newKey())).ended;
  expect(status).toBe(1);
  expect(err).toMatch(
    /^berth: DPS: CONNACK 5: .*id scope, registration id.* \[connack-not-authorized\]; the device's clock: \S+Z\n$/,
  );
});

test("a refused certificate is told with its dates and the clock", async () => {
  const made = await berth(
    "identity",
    "certificates",
    "--registration-id",
    "x-2",
    "--directory",
    join(directory, "x-2"),
  );
  expect(made.status).toBe(0);
  const pair = ["--cert", join(directory, "x-2", "x-2.pem"), "--key", join(directory, "x-2", "x-2.key.pem")];
  const { status, events } = await device("x-2", ["--state", newState(), ...pair]);
  expect(status).toBe(1);
  const own = expect.stringMatching(/^the device's clock: \S+Z; its certificate: good from \S+Z to \S+Z$/);
  expect(only(events, "error").at(-1)).toMatchObject({ code: "connack-not-authorized", own });
});

test.each([
  ["expired", new Date(2020, 1, 1)],
  ["not valid yet", new Date(2090, 1, 1)],
])(
  "a certificate that is %s is told before anything starts, an intermediate's too",
  async (about, notBefore) => {
    const root = await createRootCertificate({ commonName: "r", notBefore, days: 40 });
    const issuer = await createIntermediateCertificate({ commonName: "i", notBefore, days: 30 }, root);
    const leaf = await createDeviceCertificate({ commonName: "x-3", notBefore, days: 30 }, issuer);
    const [certificate, privateKey] = [join(directory, `x-3 ${about}.pem`), join(directory, "x-3.key.pem")];
    writeFileSync(certificate, leaf.certificatePem + issuer.certificatePem);
    writeFileSync(privateKey, leaf.privateKeyPem);
    const { events } = await device("x-3", [
      "--state",
      newState(),
      "--cert",
      certificate,
      "--key",
      privateKey,
    ]);
    const said = only(events, "warning").map(({ message }) => message);
    expect(said).toEqual([
      expect.stringContaining(`${certificate}: the device's certificate is ${about}: good from `),
      expect.stringContaining(`${certificate}: an intermediate is ${about}: good from `),
    ]);
    const last = events.findLastIndex(({ event }) => event === "warning");
    expect(events.findIndex(({ event }) => event === "state")).toBeGreaterThan(last);
  },
);

test("a key that was wrong and is corrected is tried at once", async () => {
  const state = newState();
  expect((await device("single", ["--state", state], key(newKey()))).status).toBe(1);
  const corrected = await device("single", ["--state", state], key(KEYS.single));
  expect([corrected.status, only(corrected.events, "error")]).toEqual([0, []]);
});

test("a server that cannot be trusted, found or reached is tried until the time is up", async () => {
  const other = await berth(
    "identity",
    "certificates",
    "--registration-id",
    "o",
    "--directory",
    join(directory, "other"),
  );
  expect(other.status).toBe(0);
  const stalling: Server = createServer(() => undefined);
  await new Promise<void>((resolve) => stalling.listen(0, "127.0.0.1", resolve));
  const closed: Server = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const closedPort = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  const cases: [string, string[]][] = [
    ["tls-untrusted", ["--ca", join(directory, "other", "root.pem")]],
    [
      "tls-name-mismatch",
      ["--endpoint", "wrong.example", "--connect-to", `wrong.example:127.0.0.1:${ready.port}`],
    ],
    ["connect-failed", ["--port", String(closedPort)]],
    ["connect-timeout", ["--port", String((stalling.address() as AddressInfo).port)]],
  ];
  const tries = cases.map(async ([code, more]) => {
    const words = deviceWords("single", ["--state", newState(), "--timeout", "4", ...more]);
    // The first --ca counts too: this device trusts the other root alone.
    if (code === "tls-untrusted") words.splice(words.indexOf("--ca"), 2);
    const { status, out } = await start(words, key(KEYS.single)).ended;
    const error = only(eventsOf(out), "error").at(-1);
    expect(error).toMatchObject({ code, final: true, retriable: true, phase: "dps" });
    expect(error?.about).toBe("gave up after 4 s");
    expect(status).toBe(1);
  });
  await Promise.all(tries);
  stalling.close();
});

test("a device that was moved finds its new hub by itself", async () => {
  const state = newState();
  expect((await device("single", ["--state", state], key(KEYS.single))).status).toBe(0);
  const moved = await startEmulator(
    "moved",
    configuration({ allocationPolicy: "static", iotHubHostName: "hub-2.example" }),
  );
  const { status, out } = await start(
    deviceWords("single", ["--state", state], moved.ready),
    key(KEYS.single),
  ).ended;
  const events = eventsOf(out);
  expect(only(events, "error")).toMatchObject([
    { code: "connack-not-authorized", final: false, phase: "hub" },
  ]);
  expect(only(events, "assigned")).toMatchObject([{ hub: "hub-2.example" }]);
  expect(only(events, "connected")).toMatchObject([{ hub: "hub-2.example", source: "dps" }]);
  expect(status).toBe(0);
});

test("damage to what is stored costs a call of DPS, and nothing else", async () => {
  const state = newState();
  await device("single", ["--state", state], key(KEYS.single));
  for (const name of readdirSync(state)) writeFileSync(join(state, name), "torn");
  const again = await device("single", ["--state", state], key(KEYS.single));
  expect(again.status).toBe(0);
  expect(only(again.events, "warning")).toEqual([
    { event: "warning", message: `stored assignment unreadable, asking DPS (${state})` },
  ]);
  expect(only(again.events, "connected")).toMatchObject([{ source: "dps" }]);
});

test("a store that cannot be written is told, and the device works all the same", async () => {
  const state = newState();
  expect((await device("single", ["--state", state], key(KEYS.single))).status).toBe(0);
  const stored = readdirSync(state);
  expect(stored).not.toEqual([]);
  // Directories in the places of all slots: nothing can be read or stored.
  rmSync(state, { recursive: true });
  for (const name of stored) {
    for (const slot of ["0", "1", "2"]) {
      mkdirSync(join(state, name.replace(/[01]/, slot), "x"), { recursive: true });
    }
  }
  const { status, events } = await device("single", ["--state", state], key(KEYS.single));
  const errors = only(events, "error");
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error).toMatchObject({ code: "store-failed", phase: "store", final: false });
    expect(String(error.message).split("could not be kept")).toHaveLength(2);
    expect(error.message).not.toContain("full");
    expect(error.message).toContain(state);
  }
  expect(only(events, "connected")).toMatchObject([{ source: "dps" }]);
  expect(status).toBe(0);
});

test("--stay goes on until a signal, which ends it in order", async () => {
  const stay = start(
    deviceWords("single", ["--state", newState(), "--stay", "--telemetry", "1"]),
    key(KEYS.single),
  );
  await stay.event("acknowledged");
  stay.kill("SIGINT");
  expect(await stay.ended).toMatchObject({ status: 0, err: "" });
});

test("an interrupted device has not done what was asked", async () => {
  const waiting = start(deviceWords("single", ["--state", newState()]), key(KEYS.single));
  await waiting.event("state");
  waiting.kill("SIGTERM");
  expect(await waiting.ended).toMatchObject({ status: 143 });
});

test.each(["SIGTERM", "SIGINT"] as const)("the emulator stops cleanly on %s", async (signal) => {
  const { process, ready: own } = await startEmulator(`stop-${signal}`, configuration());
  expect(own.port).not.toBe(ready.port);
  process.kill(signal);
  const { status, out, err } = await process.ended;
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(eventsOf(out).at(-1)).toEqual({ event: "stopped" });
});

test("a port in use is told with what to do", async () => {
  const file = join(directory, "again.json");
  writeFileSync(file, JSON.stringify(configuration()));
  const words = ["emulator", "--port", String(ready.port), "--config", file];
  const { status, err } = await start(words).ended;
  expect(status).toBe(1);
  expect(err).toContain(`berth: --port: ${ready.port} is in use; stop what holds it`);
  const https = await start(["emulator", "--port", "0", "--https-port", String(ready.port), "--config", file])
    .ended;
  expect(https.err).toContain(
    `berth: --https-port: ${ready.port} is in use; stop what holds it, or take --https-port 0`,
  );
  const amqps = ["emulator", "--port", "0", "--amqps-port", String(ready.port), "--config", file];
  expect((await start(amqps).ended).err).toContain(`berth: --amqps-port: ${ready.port} is in use`);
});

test("a wrong configuration is refused by file and place, a missing one with a way to get one", async () => {
  const file = join(directory, "wrong.json");
  writeFileSync(file, JSON.stringify({ ...configuration(), iotHubs: [] }));
  const wrong = await berth("emulator", "--port", "0", "--config", file);
  expect(wrong).toMatchObject({ status: 2, out: "" });
  expect(wrong.err).toContain("wrong.json: iotHubs");
  const none = await berth("emulator");
  expect(none).toMatchObject({ status: 2, out: "" });
  expect(none.err).toContain("--example");
});

test("a root that took the place of a damaged one is told before anything else", async () => {
  const state = join(directory, "damaged-root");
  mkdirSync(join(state, "ca"), { recursive: true });
  writeFileSync(join(state, "ca", "root.pem"), "torn");
  const { process } = await startEmulator("damaged-root", configuration());
  process.kill("SIGTERM");
  const [first] = eventsOf((await process.ended).out);
  expect(first).toMatchObject({ event: "warning", message: expect.stringContaining("root.pem") });
});

test("the example configuration starts, keeps its keys private, and is not overwritten", async () => {
  const file = join(directory, "new", "example.json");
  const made = await berth("emulator", "--example", file);
  expect(made.status).toBe(0);
  expect(made.out).toContain(`npx berth emulator --config ${file}`);
  const content = readFileSync(file, "utf8");
  const again = await berth("emulator", "--example", file);
  expect(again.status).toBe(2);
  expect(again.err).toContain("already");
  expect(readFileSync(file, "utf8")).toBe(content);
  const { process } = await startEmulator("from-example", JSON.parse(content));
  process.kill("SIGTERM");
  const { out, err } = await process.ended;
  const [{ attestation }] = JSON.parse(content).enrollments;
  expect(out + err).not.toContain(attestation.symmetricKey.primaryKey);
});
