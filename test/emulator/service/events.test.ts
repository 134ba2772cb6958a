// SPDX-License-Identifier: MIT
/** `/events`: packets, methods, desired properties, refusals with their line; filters, and coming back. */
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { parseConfiguration } from "../../../emulator/configuration-reader";
import type { Emulator } from "../../../emulator/emulator";
import {
  configuration,
  dpsToken,
  dpsUser,
  HUB,
  open as openMqtt,
  openHub,
  provision,
  SECOND_KEY,
  startEmulator,
} from "../../helpers/emulator-client";
import { ask, open } from "../../helpers/https-client";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await startEmulator();
});
afterEach(() => emulator.stop());

type Records = AsyncGenerator<Record<string, unknown>, void>;

/** The records of a stream, once it listens. */
async function listen(query = "", headers: Record<string, string> = {}): Promise<Records> {
  const response = await open(emulator, "GET", `/events${query}`, { host: "localhost", headers });
  const records = (async function* () {
    try {
      for await (const line of createInterface({ input: response }))
        if (line.startsWith("data: ") || line.startsWith("{"))
          yield JSON.parse(line.replace("data: ", "")) as Record<string, unknown>;
    } finally {
      response.destroy();
    }
  })();
  return records;
}

/** As many records as there are patterns, which they match. */
async function expectNext(records: Records, patterns: object[]): Promise<Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = [];
  while (seen.length < patterns.length) {
    const { value, done } = await records.next();
    if (done || !value) break;
    seen.push(value);
  }
  expect(seen).toMatchObject(patterns);
  return seen;
}

test("packets are told with their fields and bytes, and nothing secret", async () => {
  await provision(emulator);
  const records = await listen("?types=packet,connect,disconnect");
  const device = await openHub(emulator);
  await device.subscribe(`devices/dev-1/messages/devicebound/#`);
  await device.publish("devices/dev-1/messages/events/", '{"sharedAccessKey":"c2VjcmV0","t":21}');
  await device.disconnect();
  const about = { endpoint: HUB, id: "dev-1", connection: expect.any(Number) };
  const [, connect, , , , , publish] = await expectNext(records, [
    { event: "listening" },
    {
      event: "packet",
      ...about,
      direction: "received",
      type: "CONNECT",
      fields: { clientId: "dev-1", cleanSession: true, keepAlive: 60 },
    },
    { event: "packet", ...about, direction: "sent", type: "CONNACK", size: 4, fields: { returnCode: 0 } },
    { event: "connect", ...about },
    { direction: "received", type: "SUBSCRIBE", fields: { filters: [{ qos: 1 }] } },
    { direction: "sent", type: "SUBACK", fields: { granted: [1] } },
    {
      direction: "received",
      type: "PUBLISH",
      fields: {
        topic: "devices/dev-1/messages/events/",
        qos: 1,
        payload: '{"sharedAccessKey":"********","t":21}',
      },
    },
    { direction: "sent", type: "PUBACK", fields: { packetIdentifier: 2 } },
    { direction: "received", type: "DISCONNECT" },
    { event: "disconnect", ...about },
  ]);
  const { password } = connect!.fields as { password: string };
  expect(password).toMatch(/^SharedAccessSignature sr=.*&sig=\*+&se=\d+$/);
  expect(Buffer.from(publish?.base64 as string, "base64").toString()).toContain('"t":21');
  await records.return();
});

test.each([
  ["a password that is no token", { username: dpsUser("dev-1"), password: "open sesame" }],
  ["a key in place of a token", { username: dpsUser("dev-1"), password: SECOND_KEY }],
  ["a token without sr", { username: dpsUser("dev-1"), password: "SharedAccessSignature open sesame" }],
  ["a token in the user name", { username: dpsToken("dev-1"), password: "" }],
])("%s is not shown", async (_name, credentials) => {
  const records = await listen("?types=packet");
  const client = await openMqtt(emulator);
  await client.connect({ clientId: "dev-1", ...credentials }).catch(() => {});
  const [, packet] = await expectNext(records, [{ event: "listening" }, { type: "CONNECT" }]);
  const shown = JSON.stringify(packet?.fields) + Buffer.from(packet?.base64 as string, "base64").toString();
  const [, signature = "open sesame"] = /sig=([^&]*)/.exec(credentials.username) ?? [];
  for (const secret of ["sesame", SECOND_KEY.slice(0, 12), signature]) expect(shown).not.toContain(secret);
  await records.return();
});

test("a CONNECT that nobody can read shows its head only", async () => {
  const records = await listen("?types=packet");
  const client = await openMqtt(emulator);
  const broken = Buffer.from("\x10\x20\0\x04MQTT\x04\xc2\0\x3c\0\x40secretsecretsecret__", "latin1");
  broken[1] = broken.length - 2;
  client.socket.write(broken);
  const [, packet] = await expectNext(records, [
    { event: "listening" },
    { type: "CONNECT", fields: { problem: expect.any(String) } },
  ]);
  expect(Buffer.from(packet?.base64 as string, "base64").toString("latin1")).toMatch(/MQTT....\*{10,}$/s);
  await records.return();
});

test("while nobody asks for packets nothing is done for them", async () => {
  const records = await listen();
  await expectNext(records, [{ event: "listening" }]);
  expect(emulator.events.listenerCount("packet")).toBe(0);
  expect(emulator.events.listenerCount("method")).toBe(1);
  const more = await listen("?types=packet");
  await expectNext(more, [{ event: "listening" }]);
  expect(emulator.events.listenerCount("packet")).toBe(1);
  await records.return();
  await more.return();
});

test("methods, desired properties and messages to the device", async () => {
  await provision(emulator);
  const device = await openHub(emulator);
  await device.subscribe("$iothub/methods/POST/#", "$iothub/twin/res/#");
  const records = await listen();
  await emulator.invokeMethod(HUB, "dev-1", "blink", { times: 2 }, 0).catch(() => {});
  const called = emulator.invokeMethod(HUB, "dev-1", "blink", { times: 3 });
  await device.message();
  const { topic } = await device.message();
  const [, rid = ""] = /\$rid=(.*)/.exec(topic) ?? [];
  await device.publish(`$iothub/methods/res/200/?$rid=${rid}`, '"done"');
  await called;
  await emulator.updateDesired(HUB, "dev-1", { period: 5 });
  await device.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", '{"period":5}', 0);
  await device.message();
  const sequence = await emulator.sendCloudToDevice(HUB, "dev-1", "hello", { colour: "blue" });
  const about = { hub: HUB, deviceId: "dev-1" };
  await expectNext(records, [
    { event: "listening" },
    { event: "method", ...about, name: "blink", payload: { times: 2 } },
    {
      event: "methodResult",
      ...about,
      name: "blink",
      errorCode: 504101,
      reason: expect.stringContaining("0 ms"),
    },
    { event: "method", ...about, call: 2 },
    { event: "methodResult", ...about, call: 2, status: 200, payload: "done" },
    { event: "desired", ...about, patch: { period: 5 }, version: 2 },
    { event: "reported", ...about, patch: { period: 5 }, version: 2 },
    { event: "queued", ...about, sequence, bytes: 5, payload: "hello", properties: { colour: "blue" } },
  ]);
  await records.return();
});

test("a refusal names the enrollment and its line in the file", async () => {
  const { places: _, ...document } = configuration();
  const text = JSON.stringify(document, undefined, 2);
  const filed = await startEmulator({ configuration: parseConfiguration(text, "my.json") });
  const told = new Promise((resolve) => filed.events.once("refuse", resolve));
  const client = await openMqtt(filed);
  const wrong = dpsToken("dev-1", Buffer.alloc(32, 1).toString("base64"));
  await client.connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: wrong });
  const line = text.split("\n").findIndex((one) => one.includes('"registrationId": "dev-1"'));
  expect(await told).toMatchObject({
    connection: 1,
    reason: "Unauthorized: wrong key.",
    enrollment: { kind: "individual", id: "dev-1", source: "my.json", line },
  });
  await filed.stop();
});

test("a refusal by response has its reason, and a fault blames no enrollment", async () => {
  const refusing = await startEmulator({ dps: { refusal: "response" } });
  const wrong = { password: dpsToken("dev-1", Buffer.alloc(32, 1).toString("base64")) };
  const responses: object[] = [];
  refusing.events.on("response", (response) => responses.push(response));
  await provision(refusing, "dev-1", wrong);
  refusing.faults.add({ step: "register", action: "status", status: 429, count: 1 });
  await provision(refusing);
  expect(responses).toMatchObject([
    { status: 401, reason: "Unauthorized: wrong key.", enrollment: { kind: "individual", id: "dev-1" } },
    { status: 429, reason: "A fault was injected." },
  ]);
  expect(responses[1]).not.toHaveProperty("enrollment");
  await refusing.stop();
});

test("types and device choose, and a type that there is not is refused", async () => {
  await provision(emulator);
  const one = await listen("?device=DEV-1&types=refuse,connect");
  const client = await openMqtt(emulator);
  await client.connect({ clientId: "other", username: dpsUser("other"), password: dpsToken("other") });
  const device = await openHub(emulator);
  await device.disconnect();
  await expectNext(one, [{ event: "listening" }, { event: "connect", id: "dev-1" }]);
  await one.return();
  const wrong = await ask(emulator, "GET", "/events?types=connect,nothing", { host: "localhost" });
  expect(wrong).toMatchObject({
    status: 400,
    json: { Message: expect.stringContaining('"nothing" is no event') },
  });
});

test("who comes back misses nothing, and is told what is not kept", async () => {
  await provision(emulator);
  const sse = { accept: "text/event-stream" };
  const response = await open(emulator, "GET", "/events", { host: "localhost", headers: sse });
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const lastId = (await lines.next()).value as string;
  expect(lastId).toMatch(/^id: [0-9a-f]{12}-0$/);
  response.destroy();
  const device = await openHub(emulator);
  await device.publish("devices/dev-1/messages/events/", "while nobody listened");
  await device.disconnect();
  const id = lastId.slice(4);
  const expected = [
    { event: "listening" },
    { event: "connect", seq: 1 },
    { event: "telemetry", seq: 2, payload: "while nobody listened" },
    { event: "disconnect", seq: 3 },
  ];
  for (const headers of [{ "last-event-id": id }, { "last-event-id": "another-2" }]) {
    const back = await listen("", headers as Record<string, string>);
    await expectNext(back, expected);
    await back.return();
  }
  const late = await listen(`?after=${id.replace(/0$/, "2")}`);
  await expectNext(late, [{ event: "listening" }, { event: "disconnect", seq: 3 }]);
  await late.return();
  for (let sent = 0; sent < 20_000; sent++)
    emulator.events.emit("stranger", { address: "test", reason: `${sent}` });
  const much = await listen(`?after=${id}`);
  await expectNext(much, [{ event: "listening" }, { event: "missed", count: 3 }, { seq: 4, reason: "0" }]);
  await much.return();
});

test("keepEvents keeps packets from the start", async () => {
  await emulator.stop();
  emulator = await startEmulator({ keepEvents: true });
  await provision(emulator);
  const records = await listen("?after=start&types=packet,assigned");
  await expectNext(records, [
    { event: "listening" },
    { type: "CONNECT", endpoint: "dps", id: "dev-1", connection: 1 },
    { type: "CONNACK" },
  ]);
  await records.return();
});

test("a reader that does not read is told why it is dropped", async () => {
  const response = await open(emulator, "GET", "/events", { host: "localhost" });
  response.pause();
  const padding = "x".repeat(20_000);
  for (let sent = 0; sent < 3000; sent++)
    emulator.events.emit("stranger", { address: "test", reason: padding });
  let last = "";
  for await (const line of createInterface({ input: response })) last = line;
  expect(JSON.parse(last)).toMatchObject({
    event: "dropped",
    reason: expect.stringContaining("read faster"),
  });
});

test("events have the right time, however wrong the emulator's clock is set", async () => {
  emulator.clock.set(172_800_000);
  const records = await listen();
  await expectNext(records, [{ event: "listening" }]);
  emulator.events.emit("problem", new Error("now"));
  const [record] = await expectNext(records, [{ event: "problem" }]);
  expect(Math.abs(Date.parse(record!.time as string) - Date.now())).toBeLessThan(86_400_000);
  await records.return();
});
