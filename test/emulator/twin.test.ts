// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { mergePatch, parsePatch } from "../../emulator/hub/twin";
import type { JsonObject } from "../../emulator/json-reader";
import { HUB, KEY, openHub, startEmulator } from "../helpers/emulator-client";
import type { RawMqttClient } from "../helpers/raw-mqtt-client";

let emulator: Emulator;
let client: RawMqttClient;
beforeEach(async () => {
  emulator = await startEmulator();
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  client = await openHub(emulator);
});
afterEach(() => emulator.stop());

const REPORTED = "$iothub/twin/PATCH/properties/reported/?$rid=";

test("GET, reported and desired properties, each with its version", async () => {
  await client.subscribe("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#");
  await client.publish(`${REPORTED}1`, '{"a":{"b":1,"c":2}}', 0);
  expect(await client.message()).toMatchObject({
    topic: "$iothub/twin/res/204/?$rid=1&$version=2",
    text: "",
  });
  await client.publish(`${REPORTED}2`, '{"a":{"b":null}}');
  expect((await client.message()).topic).toBe("$iothub/twin/res/204/?$rid=2&$version=3");
  expect(await emulator.updateDesired(HUB, "dev-1", { period: 5 })).toBe(2);
  const push = await client.message();
  expect(push.topic).toBe("$iothub/twin/PATCH/properties/desired/?$version=2");
  expect(JSON.parse(push.text)).toEqual({ period: 5, $version: 2 });
  await client.publish("$iothub/twin/GET/?$rid=3", "");
  const answer = await client.message();
  expect(answer.topic).toBe("$iothub/twin/res/200/?$rid=3");
  expect(JSON.parse(answer.text)).toEqual({
    desired: { period: 5, $version: 2 },
    reported: { a: { c: 2 }, $version: 3 },
  });
});

test.each([
  ["no JSON", "{"],
  ["no object", "[1]"],
  ["a reserved key", '{"$version":1}'],
  ["too many levels", `${'{"a":'.repeat(11)}1${"}".repeat(11)}`],
])("a reported patch that is %s gets 400 and changes nothing", async (_name, body) => {
  await client.subscribe("$iothub/twin/res/#");
  await client.publish(`${REPORTED}9`, body);
  expect((await client.message()).topic).toBe("$iothub/twin/res/400/?$rid=9");
  expect(emulator.twin(HUB, "dev-1")).toMatchObject({ reported: {}, reportedVersion: 1 });
});

test("a key named __proto__ is a key like any other", () => {
  const patch = parsePatch(Buffer.from('{"__proto__":{"x":1}}'));
  const merged: JsonObject = mergePatch({}, patch);
  expect(JSON.stringify(merged)).toBe('{"__proto__":{"x":1}}');
  expect(({} as { x?: number }).x).toBeUndefined();
});

test("whatever was granted, answers and changes come with QoS 0", async () => {
  expect(await client.subscribe("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#")).toEqual([
    1, 1,
  ]);
  await client.publish("$iothub/twin/GET/?$rid=1", " ");
  expect((await client.message()).packet.qos).toBe(0);
  await emulator.updateDesired(HUB, "dev-1", { period: 5 });
  expect((await client.message()).packet.qos).toBe(0);
});

test("a refusal has the body of Azure's errors", async () => {
  await client.subscribe("$iothub/twin/res/#");
  await client.publish(`${REPORTED}9`, '{"a b":1}');
  const { topic, text } = await client.message();
  expect(topic).toBe("$iothub/twin/res/400/?$rid=9");
  expect(JSON.parse(text)).toEqual({
    errorCode: 400004,
    trackingId: expect.stringMatching(/^[\da-f-]{36}$/),
    message: expect.stringContaining('the key "a b"'),
    timestampUtc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/),
  });
});

test("a change is told only to who has subscribed, and the twin has it for who comes later", async () => {
  await client.subscribe("$iothub/twin/res/#");
  expect(await emulator.updateDesired(HUB, "dev-1", { a: 1, b: { c: 1, d: 2 } })).toBe(2);
  expect(await emulator.updateDesired(HUB, "dev-1", { a: null, b: { c: null } })).toBe(3);
  await client.ping();
  expect(client.packets).toEqual([]);
  await client.publish("$iothub/twin/GET/?$rid=1", "");
  expect(JSON.parse((await client.message()).text).desired).toEqual({ b: { d: 2 }, $version: 3 });
});

describe("faults", () => {
  beforeEach(() => client.subscribe("$iothub/twin/res/#"));

  test("429 for a read, and then it succeeds", async () => {
    emulator.faults.add({ step: "twinGet", action: "status", status: 429, retryAfter: 4, count: 1 });
    await client.publish("$iothub/twin/GET/?$rid=1", "");
    const { topic, text } = await client.message();
    expect(topic).toBe("$iothub/twin/res/429/?$rid=1&retry-after=4");
    expect(JSON.parse(text)).toMatchObject({ errorCode: 429001 });
    await client.publish("$iothub/twin/GET/?$rid=2", "");
    expect((await client.message()).topic).toBe("$iothub/twin/res/200/?$rid=2");
  });

  test("500 for a report takes nothing of it, with a body of one's own", async () => {
    emulator.faults.add({ step: "twinReported", action: "status", status: 500, body: { own: 1 } });
    await client.publish(`${REPORTED}1`, '{"a":1}');
    expect(await client.message()).toMatchObject({
      topic: "$iothub/twin/res/500/?$rid=1",
      text: '{"own":1}',
    });
    expect(emulator.twin(HUB, "dev-1")).toMatchObject({ reported: {}, reportedVersion: 1 });
  });

  test("an answer that is lost was a report that counts", async () => {
    emulator.faults.add({ step: "twinReported", action: "drop" });
    await client.publish(`${REPORTED}1`, '{"a":1}');
    await client.ping();
    expect(client.packets).toEqual([]);
    expect(emulator.twin(HUB, "dev-1")).toMatchObject({ reported: { a: 1 }, reportedVersion: 2 });
  });

  test.each(["close", "reset"] as const)("%s in place of an answer", async (action) => {
    emulator.faults.add({ step: "twinGet", action });
    await client.publish("$iothub/twin/GET/?$rid=1", "", 0);
    await client.closed;
  });
});
