// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, test } from "@jest/globals";
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

test("a direct method is called and answered", async () => {
  await client.subscribe("$iothub/methods/POST/#");
  const call = emulator.invokeMethod(HUB, "dev-1", "blink", { times: 3 });
  const request = await client.message();
  const [, requestId] = /^\$iothub\/methods\/POST\/blink\/\?\$rid=(.+)$/.exec(request.topic)!;
  expect(request.text).toBe('{"times":3}');
  await client.publish(`$iothub/methods/res/200/?$rid=${requestId}`, '{"done":true}');
  expect(await call).toEqual({ status: 200, payload: { done: true } });
});

test("a direct method fails when the device is away, leaves, or does not answer", async () => {
  await expect(emulator.invokeMethod(HUB, "dev-1", "blink")).rejects.toThrow("takes no direct methods");
  await client.subscribe("$iothub/methods/POST/#");
  await expect(emulator.invokeMethod(HUB, "dev-1", "blink", undefined, 10)).rejects.toThrow(
    "did not answer in 10 ms",
  );
  const call = emulator.invokeMethod(HUB, "dev-1", "blink");
  const failed = expect(call).rejects.toThrow("the connection ended before blink answered");
  await client.drop();
  await failed;
});
