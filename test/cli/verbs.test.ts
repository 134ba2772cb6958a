// SPDX-License-Identifier: MIT
/** Every verb of the table against an emulator that runs: found by itself, as a person has it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { announce, runningOf } from "../../cli/service/running";
import { VERBS } from "../../cli/verbs/table";
import type { Emulator } from "../../emulator/emulator";
import { configuration, HUB, KEY, openHub, provision, startEmulator } from "../helpers/emulator-client";
import { berth, berthIn, HOME } from "./command";

let emulator: Emulator;
let withdraw: () => void;
beforeAll(async () => {
  emulator = await startEmulator();
  withdraw = announce(HOME, runningOf(emulator, "127.0.0.1"));
  await provision(emulator);
});
afterAll(async () => {
  withdraw();
  await emulator.stop();
});

const tried = new Set<string>();

/** Runs a verb for people; what it says. */
async function said(words: string, ...options: string[]): Promise<string> {
  tried.add(words);
  const { status, out, err } = await berth(...words.split(" "), ...options);
  expect({ status, out, err }).toMatchObject({ status: 0 });
  // Which one was taken, and nothing else.
  expect(err).toMatch(/^\(.*the emulator on 127\.0\.0\.1:\d+\)\n$/);
  return out;
}

/** Runs a verb with --json; the value. */
// biome-ignore lint/suspicious/noExplicitAny: what the answer holds is for the test to say.
async function json(words: string, ...options: string[]): Promise<any> {
  tried.add(words);
  const { status, out, err } = await berth(...words.split(" "), ...options, "--json");
  expect({ status, err }).toEqual({ status: 0, err: "" });
  return JSON.parse(out);
}

/** Runs a verb that fails. */
async function failure(status: number, words: string, ...options: string[]): Promise<string> {
  const ended = await berth(...words.split(" "), ...options);
  expect({ status: ended.status, out: ended.out }).toEqual({ status, out: "" });
  return ended.err;
}

test("devices: create, list, show, update, disable, enable, connection string, delete", async () => {
  const made = await json("hub device create", "-d", "made", "--primary-key", KEY);
  expect(made).toMatchObject({ deviceId: "made", status: "enabled", authentication: { type: "sas" } });
  expect(made.authentication.symmetricKey.primaryKey).toBe(KEY);
  expect(await said("hub device list")).toMatch(/^deviceId +status .*\ndev-1 +enabled .*\nmade +enabled /);
  expect(await json("hub device list", "--top", "1")).toMatchObject([{ deviceId: "dev-1" }]);
  const connected = await openHub(emulator, "made");
  expect(await said("hub device disable", "-d", "made")).toBe("disabled made\n");
  await connected.closed;
  expect(await json("hub device show", "-d", "made")).toMatchObject({ status: "disabled" });
  expect(await said("hub device enable", "-d", "made")).toBe("enabled made\n");
  const updated = await json("hub device update", "-d", "made", "--status-reason", "back again");
  expect(updated).toMatchObject({ statusReason: "back again", status: "enabled" });
  // The keys are those of before.
  expect(updated.authentication).toEqual(made.authentication);
  expect(await said("hub device connection-string", "-d", "made")).toBe(
    `HostName=${HUB};DeviceId=made;SharedAccessKey=${KEY}\n`,
  );
  const thumbprint = "AB".repeat(32);
  const byCertificate = await json("hub device create", "-d", "x509", "--primary-thumbprint", thumbprint);
  expect(byCertificate.authentication).toMatchObject({
    type: "selfSigned",
    x509Thumbprint: { primaryThumbprint: thumbprint },
  });
  expect(await said("hub device delete", "-d", "made")).toBe("deleted made\n");
  expect(await failure(1, "hub device show", "-d", "made")).toMatch(
    /berth hub device list shows those there are \[DeviceNotFound\]\n$/,
  );
});

test("twins: update, show, replace, query", async () => {
  const file = join(HOME, "tags.json");
  writeFileSync(file, '{"floor":2}');
  await json("hub twin update", "-d", "dev-1", "--desired", '{"period":5}', "--tags", `@${file}`);
  expect(await json("hub twin show", "-d", "dev-1")).toMatchObject({
    tags: { floor: 2 },
    properties: { desired: { period: 5 } },
  });
  expect(await said("hub twin show", "-d", "dev-1")).toMatch(/^properties\.desired\.period +5$/m);
  expect(await said("hub query", "-q", "SELECT deviceId, tags.floor FROM devices WHERE tags.floor = 2")).toBe(
    "deviceId  floor\ndev-1     2\n",
  );
  expect(await json("hub query", "-q", "SELECT * FROM devices", "--top", "1")).toHaveLength(1);
  const twin = JSON.stringify({ properties: { desired: { other: 1 } } });
  const { properties, tags } = await json("hub twin replace", "-d", "dev-1", "-j", twin);
  expect([properties.desired.other, properties.desired.period, tags]).toEqual([1, undefined, {}]);
  expect(await failure(2, "hub twin update", "-d", "dev-1")).toContain("--desired, --tags");
  expect(await failure(2, "hub twin update", "-d", "dev-1", "--desired", "5")).toContain("a JSON object");
});

test("a method is invoked, and a device that is away is told with what to do", async () => {
  const device = await openHub(emulator);
  await device.subscribe("$iothub/methods/POST/#");
  const answered = json(
    "hub method invoke",
    "-d",
    "dev-1",
    "--method-name",
    "blink",
    "--method-payload",
    "3",
  );
  const { topic, text } = await device.message();
  expect([topic, text]).toEqual([expect.stringMatching(/\/POST\/blink\//), "3"]);
  await device.publish(`$iothub/methods/res/200/?$rid=${topic.split("$rid=")[1]}`, '{"a":1}', 0);
  expect(await answered).toEqual({ status: 200, payload: { a: 1 } });
  await device.disconnect();
  expect(await failure(1, "hub method invoke", "-d", "dev-1", "--method-name", "blink")).toContain(
    "start it, or wait for it with --connect-timeout [404103]",
  );
});

test.each(["enrollment", "group"])("dps %s: create, show, update, list, delete", async (word) => {
  const id = [word === "group" ? "--group-id" : "--enrollment-id", "new-one"];
  const tags = ["--initial-twin-tags", '{"floor":1}'];
  const made = await json(`dps ${word} create`, ...id, "--show-keys", ...tags);
  const keys = made.attestation.symmetricKey;
  expect(keys).toEqual({ primaryKey: expect.any(String), secondaryKey: expect.any(String) });
  expect((await json(`dps ${word} show`, ...id)).attestation.symmetricKey).toBeUndefined();
  const changes = [
    "--provisioning-status",
    "disabled",
    "--reprovision-policy",
    "never",
    "--primary-key",
    KEY,
  ];
  const changed = await json(`dps ${word} update`, ...id, ...changes, "--show-keys");
  expect(changed).toMatchObject({
    provisioningStatus: "disabled",
    reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false },
    initialTwin: { tags: { floor: 1 } },
    attestation: { symmetricKey: { primaryKey: KEY, secondaryKey: keys.secondaryKey } },
  });
  expect(await said(`dps ${word} list`)).toMatch(/new-one\s.*disabled/s);
  expect(await said(`dps ${word} delete`, ...id)).toBe("deleted new-one\n");
  expect(await failure(1, `dps ${word} show`, ...id)).toContain("there is no enrollment of this id [404201]");
});

test.each([
  ["enrollment", "--enrollment-id", "by-file.pem", "clientCertificates", "CN=by-file"],
  ["group", "--group-id", "intermediate.pem", "signingCertificates", "CN=Berth test intermediate"],
])(
  "dps %s by what identity certificates makes, with who issues certificates",
  async (word, option, ...rest) => {
    const [file, certificates, subject] = rest as [string, string, string];
    const directory = join(HOME, word);
    await berth("identity", "certificates", "--registration-id", "by-file", "--directory", directory);
    const path = join(directory, file);
    const words = [option, "by-file", "--certificate-path", path, "--credential-policy", "any"];
    const made = await json(`dps ${word} create`, ...words);
    expect(made.credentialPolicyName).toBe("any");
    expect(made.attestation.x509[certificates].primary.info.subjectName).toBe(subject);
    const { status, err } = await berth("dps", word, "update", ...words);
    expect(status).toBe(0);
    expect(
      err.includes(`--certificate-path: ${path} holds 2 certificates; the first is taken, of ${subject}`),
    ).toBe(word === "enrollment");
    await json(`dps ${word} delete`, option, "by-file");
  },
);

test("registrations: list, show, delete", async () => {
  expect(await json("dps registration list", "--group-id", "line-1")).toEqual([]);
  expect(await json("dps registration show", "--registration-id", "dev-1")).toMatchObject({
    assignedHub: HUB,
  });
  expect(await said("dps registration delete", "--registration-id", "dev-1")).toMatch(/^deleted/);
  expect(emulator.registration("dev-1")).toBeUndefined();
});

test("faults: add, list, clear", async () => {
  const rule = [
    "--step",
    "poll",
    "--action",
    "status",
    "--status",
    "429",
    "--retry-after",
    "5",
    "--count",
    "2",
  ];
  const { id } = await json("fault add", ...rule);
  await json("fault add", "--step", "CONNACK", "--action", "drop", "--id", "dev-7", "--probability", "0.5");
  expect(await json("fault list")).toMatchObject([
    { id, left: 2, rule: { step: "poll", action: "status", status: 429, retryAfter: 5, count: 2 } },
    { left: null, rule: { step: "connack", action: "drop", id: "dev-7", probability: 0.5 } },
  ]);
  const issue = ["--step", "issueCertificate", "--action", "status", "--status", "429", "--retry-after", "3"];
  expect(await said("fault add", ...issue, "--count", "1")).toBe(
    "fault 3: status 429, retry-after 3 s at issueCertificate, once\n",
  );
  expect(await said("fault add", "--step", "register", "--action", "status")).toBe(
    "fault 4: status 500 at register, always\n",
  );
  expect(await said("fault list")).toMatch(
    /^fault +left +what\n1 +2 +status 429, retry-after 5 s at poll, 2 times\n2 +always +drop at connack for dev-7, with probability 0.5, always\n/,
  );
  expect(await said("fault clear", "--fault", String(id))).toBe(`fault ${id} is gone\n`);
  expect(await said("fault clear")).toBe("no fault is left\n");
  expect(emulator.faults.list()).toEqual([]);
  expect(await failure(1, "fault add", "--step", "poll", "--action", "returnCode")).toContain("connack only");
  expect(await failure(2, "fault add", "--step", "nowhere", "--action", "drop")).toContain(
    "Give one of accept",
  );
});

test("events of one device, until the count is reached", async () => {
  tried.add("events");
  expect(await failure(1, "events", "--event", "nothing")).toMatch(/\[ArgumentInvalid\]\n$/);
  const watching = berth("events", "--event", "connect,telemetry", "-d", "dev-1", "--count", "2", "--json");
  // It says so itself when it listens; until then the device comes again.
  const over = { now: false };
  const ended = watching.finally(() => {
    over.now = true;
  });
  for (let round = 0; round < 200 && !over.now; round++) {
    const device = await openHub(emulator);
    await device.publish("devices/dev-1/messages/events/", "hello");
    await device.disconnect();
  }
  const { status, out } = await ended;
  expect(status).toBe(0);
  const records = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ event }) => event).slice(0, 1)).toEqual(["listening"]);
  expect(records).toHaveLength(3);
  for (const { event } of records.slice(1)) expect(["connect", "telemetry"]).toContain(event);
});

test("health", async () => {
  expect(await json("health")).toMatchObject({ status: "ready", hubs: [HUB], port: emulator.port });
});

test("a connection is ended", async () => {
  const device = await openHub(emulator);
  expect(await said("disconnect", "-n", HUB, "-d", "dev-1")).toBe(`dev-1 is cut off from ${HUB}\n`);
  await device.closed;
});

test("the clock: show, set, jump, reset", async () => {
  expect(await json("clock set", "--skew", "-1.5h")).toMatchObject({ skewMs: -5_400_000 });
  expect(await json("clock jump", "--by", "30m")).toMatchObject({ skewMs: -3_600_000 });
  expect(await said("clock show")).toMatch(/^skewMs +-3600000$/m);
  await said("clock reset");
  expect(emulator.clock.skew).toBe(0);
  expect(await failure(2, "clock jump", "--by", "5")).toContain("for example 90s");
});

test("certificates: show, serve, new root, root, reset; the verbs go on through it", async () => {
  expect(await json("certificate serve", "--kind", "expired")).toMatchObject({ kind: "expired" });
  expect(await json("hub device list")).not.toHaveLength(0);
  const { root } = await json("certificate new-root");
  expect(root.subjectName).toContain("new root");
  expect(await said("certificate root")).toBe(`${emulator.certificates.rootPem.trimEnd()}\n`);
  await said("certificate reset");
  expect(await json("certificate show")).toMatchObject({ kind: "kept" });
});

test("a message is sent to a device with its properties; what the hub does not take is told", async () => {
  const device = await openHub(emulator);
  await device.subscribe("devices/dev-1/messages/devicebound/#");
  const more = ["--properties", "colour=blue", "--message-id", "m-1", "--content-type", "text/plain"];
  expect(await said("hub send", "-d", "dev-1", "--data", "grüezi", ...more)).toBe("sent to dev-1\n");
  const { topic, text } = await device.message();
  expect(text).toBe("grüezi");
  for (const part of ["$.mid=m-1", "$.ct=text/plain", "colour=blue"])
    expect(decodeURIComponent(topic)).toContain(part);
  const file = join(HOME, "bytes");
  writeFileSync(file, Buffer.from([0, 255]));
  await said("hub send", "-d", "dev-1", "--data-file", file);
  expect((await device.message()).packet.payload).toEqual(Buffer.from([0, 255]));
  await device.disconnect();
  const { err, status } = await berth("hub", "send", "-d", "nobody", "--data", "x");
  expect([status, err]).toEqual([1, expect.stringMatching(/\[amqp:not-found\]\n$/)]);
});

test("telemetry is read as az iot hub monitor-events has it", async () => {
  const before = Date.now() - 1;
  const device = await openHub(emulator);
  const topic = "devices/dev-1/messages/events/";
  await device.publish(`${topic}%24.ct=application%2Fjson&%24.ce=utf-8&colour=blue`, '{"a":1}');
  await device.publish(topic, "text");
  await device.publish(topic, Buffer.from([0, 255]));
  await device.disconnect();
  tried.add("hub monitor");
  const words = ["hub", "monitor", "--enqueued-time", String(before), "--message-count", "3"];
  const { status, out } = await berth(...words, "-d", "dev-1", "-p", "sys,app", "--json");
  expect(status).toBe(0);
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  const common = { origin: "dev-1", module: "", interface: "", component: "" };
  expect(events).toEqual([
    {
      ...common,
      payload: { a: 1 },
      properties: {
        system: { content_type: "application/json", content_encoding: "utf-8" },
        application: { colour: "blue" },
      },
    },
    { ...common, payload: "text", properties: { system: {}, application: {} } },
    { ...common, payload: "AP8=", properties: { system: {}, application: {} } },
  ]);
  const { out: lines } = await berth(...words);
  expect(lines).toContain('dev-1: {"a":1}\n');
  // Nothing comes any more.
  expect((await berth("hub", "telemetry", "--timeout", "0.1")).status).toBe(0);
  expect(await failure(1, "hub monitor", "--consumer-group", "a/b")).toMatch(/\[amqp:[\w:-]+\]\n$/);
});

test("AMQP is refused with a wrong key, and by who is not trusted", async () => {
  const wrongKey = `HostName=${HUB};SharedAccessKeyName=service;SharedAccessKey=${KEY}`;
  const place = ["--connect-to", `:127.0.0.1:${emulator.amqpsPort}`, "-l", wrongKey];
  const ca = join(HOME, "root.pem");
  writeFileSync(ca, emulator.ca.pem);
  const refused = await berth("hub", "send", "-d", "dev-1", ...place, "--ca", ca);
  expect(refused).toMatchObject({ status: 1, out: "" });
  expect(refused.err).toMatch(
    /take a connection string of a policy that may .*\[amqp:unauthorized-access\]\n$/,
  );
  expect(refused.err).not.toContain(KEY);
  const stranger = await berth("hub", "monitor", ...place);
  expect(stranger.status).toBe(1);
  expect(stranger.err).toMatch(/certificate.*\[[A-Z_]+\]\n$/);
});

test("every verb of the table was tried", () => {
  expect([...tried].sort()).toEqual(VERBS.map(({ words }) => words).sort());
});

test("a connection string, by option and by environment, asks where it says", async () => {
  const { connectionString } = emulator.connectionStrings.find(
    ({ host, policy }) => host === HUB && policy === "registryRead",
  )!;
  const ca = join(HOME, "root.pem");
  writeFileSync(ca, emulator.ca.pem);
  const place = ["--ca", ca, "--connect-to", `:127.0.0.1:${emulator.httpsPort}`];
  const list = ["hub", "device", "list", ...place, "--json"];
  const byOption = await berth(...list, "--connection-string", connectionString);
  expect(JSON.parse(byOption.out)).toMatchObject([{ deviceId: "dev-1" }, { deviceId: "x509" }]);
  const environment = { BERTH_HUB_CONNECTION_STRING: connectionString };
  expect((await berthIn(environment, ...list)).out).toBe(byOption.out);
  const may = await berthIn(environment, "hub", "twin", "show", "-d", "dev-1", ...place);
  expect(may).toMatchObject({ status: 1, out: "" });
  expect(may.err).toContain(`(${HUB}, 127.0.0.1:${emulator.httpsPort}, by BERTH_HUB_CONNECTION_STRING)\n`);
  expect(may.err).toContain("the policy registryRead lacks the right ServiceConnect");
  expect(may.err).toContain("[IotHubUnauthorizedAccess]");
  const wrongKey = connectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${KEY}`);
  const refused = await berth(...list, "-l", wrongKey);
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.out)).toMatchObject({ code: "IotHubUnauthorizedAccess", status: 401 });
  expect(refused.out).not.toContain(KEY);
});

test("--url reaches an emulator elsewhere, with its token", async () => {
  const guarded = await startEmulator({ controlToken: "open sesame" });
  const ca = join(HOME, "root.pem");
  const list = ["fault", "list", "--url", `https://localhost:${guarded.httpsPort}`, "--ca", ca];
  expect(await berthIn({ BERTH_CONTROL_TOKEN: "open sesame" }, ...list)).toMatchObject({ status: 0 });
  expect((await berth(...list, "--token", "other")).err).toContain("the control token");
  await guarded.stop();
  const gone = await berth(...list);
  expect(gone).toMatchObject({ status: 1, out: "" });
  expect(gone.err).toMatch(/nothing listens there; start it \(berth emulator\).*\[ECONNREFUSED\]\n$/);
});

test.each([
  [
    "a device's connection string",
    `HostName=h.example;DeviceId=d;SharedAccessKey=${KEY}`,
    "a device's connection string",
  ],
  ["half of one", "HostName=h.example;SharedAccessKeyName=p", "SharedAccessKey is missing"],
  ["a key that is none", "HostName=h.example;SharedAccessKeyName=p;SharedAccessKey=x!", "not base64"],
  ["a host that is none", `HostName=https://h;SharedAccessKeyName=p;SharedAccessKey=${KEY}`, "no host name"],
])("%s is refused before anything is sent, and not shown", async (_what, text, message) => {
  const { status, err } = await berth("hub", "device", "list", "-l", text);
  expect(status).toBe(2);
  expect(err).toContain(message);
  expect(err).not.toContain(KEY);
});

test("which emulator and which hub, where there are several", async () => {
  const second = await startEmulator({
    configuration: configuration({ iotHubs: [{ name: "one.example" }, { name: "two.example" }] }),
  });
  // Of another process, as it were.
  const gone = announce(HOME, { ...runningOf(second, "127.0.0.1"), pid: process.ppid });
  try {
    expect(await failure(2, "hub device list")).toContain("--emulator says which");
    const which = ["--emulator", String(second.port)];
    expect(await failure(2, "hub device list", ...which)).toContain("one of one.example, two.example");
    expect(await failure(2, "hub device list", ...which, "-n", "three.example")).toContain(
      "no hub three.example",
    );
    await json("hub device create", "-d", "there", "-n", "two.example", "--primary-key", KEY, ...which);
    expect(await said("hub device show", "-d", "there", ...which)).toMatch(/^deviceId +there$/m);
    expect(await failure(1, "hub device show", "-d", "nobody", ...which)).toContain(
      "no hub of the emulator has",
    );
    expect(await failure(1, "fault list", "--emulator", "1")).toContain("none has the port 1");
    const connected = await openHub(second, "there", { hub: "two.example" });
    expect(await said("disconnect", "-d", "there", ...which)).toBe("there is cut off from two.example\n");
    await connected.closed;
    expect(await failure(1, "disconnect", "-d", "there", ...which)).toContain(
      "there has no connection to one.example or two.example",
    );
    // AMQP: each of the hubs by its name, and the refusal of an emulator that was found names no connection string.
    expect(await said("hub send", "-d", "there", "--data", "hi", ...which)).toBe("sent to there\n");
    for (const name of ["one.example", "two.example"])
      expect(await said("hub monitor", "-n", name, "--timeout", "0.1", ...which)).toBe("listening\n");
    gone();
    const running = runningOf(second, "127.0.0.1");
    const connectionStrings = running.connectionStrings.map((text) => text.replace(/Key=.*/, `Key=${KEY}`));
    announce(HOME, { ...running, connectionStrings, pid: process.ppid });
    for (const words of ["hub monitor", "hub device list"]) {
      const refused = await berth(...words.split(" "), "-n", "two.example", ...which);
      expect(refused).toMatchObject({ status: 1, out: "" });
      expect(refused.err).toContain("; berth events --event serviceRefused tells why");
      expect(refused.err).not.toContain("connection string");
    }
  } finally {
    gone();
    await second.stop();
  }
});

test.each(["87600h", "2h", "-2h", "-262800h"])(
  "what asks goes on with the clock set off by %s",
  async (by) => {
    const device = await openHub(emulator);
    await device.publish("devices/dev-1/messages/events/", "of before");
    await said("clock jump", "--by", by);
    try {
      expect(await json("hub device list")).not.toHaveLength(0);
      expect(await json("hub twin show", "-d", "dev-1")).toMatchObject({ deviceId: "dev-1" });
      expect(await json("dps enrollment list")).not.toHaveLength(0);
      expect(await said("hub send", "-d", "dev-1", "--data", "x")).toBe("sent to dev-1\n");
      expect(await json("fault list")).toEqual([]);
      // What comes from now on, whatever the clock calls now.
      expect(await said("hub monitor", "--timeout", "0.1")).toBe("listening\n");
      const words = ["device", "--emulator", String(emulator.port), "--registration-id", "of-line-1"];
      const { err } = await berth(...words, "--state", join(HOME, "state"), "--telemetry", "0");
      // It has its key of the emulator; its own tokens are of its own clock.
      expect(err).toMatch(by.startsWith("-") ? /^$/ : /^berth: DPS: CONNACK 5/);
    } finally {
      await said("clock reset");
    }
  },
);
