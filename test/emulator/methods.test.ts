// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import { HUB, KEY, openHub, record, startEmulator } from "../helpers/emulator-client";
import type { RawMqttClient } from "../helpers/raw-mqtt-client";

const METHODS = "$iothub/methods/POST/#";
const LARGEST = 128 * 1024;
let clock: ManualClock;
let emulator: Emulator;
let client: RawMqttClient;
beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock });
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  client = await openHub(emulator);
});
afterEach(() => emulator.stop());

const call = (name: string, payload?: unknown, timeout?: number, connectTimeout?: number) =>
  emulator.invokeMethod(HUB, "dev-1", name, payload, timeout, connectTimeout);

/** The next request, with its id. */
async function request(from = client) {
  const { topic, text, packet } = await from.message();
  const [, name, requestId] = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=([^&]+)$/.exec(topic)!;
  return { name, requestId, text, qos: packet.qos };
}
const answer = (requestId: string | undefined, status: number, body: string) =>
  client.publish(`$iothub/methods/res/${status}/?$rid=${requestId}`, body);

test("a call and its answer, at QoS 0 whatever was granted", async () => {
  expect(await client.subscribe(METHODS)).toEqual([1]);
  const result = call("blink", { times: 3 });
  const { name, requestId, text, qos } = await request();
  expect([name, text, qos]).toEqual(["blink", '{"times":3}', 0]);
  await answer(requestId, 200, '{"done":true}');
  expect(await result).toEqual({ status: 200, payload: { done: true } });
});

test("several calls at a time are answered in any order, and each once", async () => {
  await client.subscribe(METHODS);
  const [one, two] = [call("one"), call("thermostat1*reboot", null)];
  const first = await request();
  const second = await request();
  expect([first.text, second.name, second.text]).toEqual(["", "thermostat1*reboot", "null"]);
  await answer(second.requestId, 202, "2");
  await answer(second.requestId, 500, "3");
  await answer(first.requestId, -1, "1");
  expect(await two).toMatchObject({ status: 202, payload: 2 });
  expect(await one).toMatchObject({ status: -1, payload: 1 });
});

test("a name is encoded for the topic", async () => {
  await client.subscribe(METHODS);
  call("a b/ü?", 1).catch(() => {});
  expect((await request()).name).toBe("a%20b%2F%C3%BC%3F");
});

test.each([
  ["nothing", "", {}],
  ["no JSON", "Hello", { body: Buffer.from("Hello") }],
])("an answer of %s is handed on as it came, and the connection stays", async (_name, body, more) => {
  await client.subscribe(METHODS);
  const result = call("blink");
  await answer((await request()).requestId, 200, body);
  expect(await result).toEqual({ status: 200, payload: undefined, ...more });
  await client.ping();
});

test("payloads of 128 KB pass both ways; a larger one is refused, a larger answer ends the connection", async () => {
  await client.subscribe(METHODS);
  const largest = "x".repeat(LARGEST - 2);
  const result = call("echo", largest);
  const { requestId, text } = await request();
  await answer(requestId, 200, text);
  expect((await result).payload).toBe(largest);
  await expect(call("echo", `${largest}x`)).rejects.toMatchObject({ status: 413, errorCode: 413001 });
  const ends = record<{ reason: string }>(emulator, "disconnect");
  const lost = expect(call("echo")).rejects.toMatchObject({ errorCode: 504101 });
  answer((await request()).requestId, 200, `${text}x`).catch(() => {});
  await lost;
  expect(ends).toMatchObject([{ reason: "an answer to a method of more than 128 KB" }]);
});

test("a device that takes no methods, is away or is unknown", async () => {
  const notOnline = { name: "MethodFailed", status: 404, errorCode: 404103 };
  await expect(call("blink")).rejects.toMatchObject(notOnline);
  await client.disconnect();
  await expect(call("blink")).rejects.toMatchObject(notOnline);
  await expect(call("blink")).rejects.toThrow(
    "Timed out waiting for device to connect: dev-1 is not connected, or takes no direct methods.",
  );
  await expect(emulator.invokeMethod(HUB, "dev-2", "blink")).rejects.toMatchObject({ errorCode: 404001 });
});

test("no answer in time, and one that comes later is dropped", async () => {
  await client.subscribe(METHODS);
  const late = expect(call("blink")).rejects.toMatchObject({
    status: 504,
    errorCode: 504101,
    message: "Timed out waiting for the response from device: blink did not answer in 30000 ms.",
  });
  const { requestId } = await request();
  clock.advance(29_999);
  await client.ping();
  clock.advance(1);
  await late;
  await answer(requestId, 200, "1");
  await client.ping();
});

test("the connection ends before the answer", async () => {
  await client.subscribe(METHODS);
  const lost = expect(call("blink")).rejects.toThrow("the connection ended before blink answered");
  await request();
  await client.drop();
  await lost;
});

test("a caller may wait for a device to come, and for no longer than it said", async () => {
  await client.disconnect();
  const tooEarly = expect(call("blink", undefined, 30_000, 10_000)).rejects.toMatchObject({
    errorCode: 404103,
  });
  clock.advance(9999);
  const result = call("blink", undefined, 30_000, 10_000);
  clock.advance(1);
  await tooEarly;
  client = await openHub(emulator);
  await client.subscribe(METHODS);
  const { name, requestId } = await request();
  expect(name).toBe("blink");
  await answer(requestId, 200, "");
  expect(await result).toMatchObject({ status: 200 });
});

test("a session that is resumed takes methods without subscribing", async () => {
  const first = await openHub(emulator, "dev-1", { clean: false });
  await first.subscribe(METHODS);
  await first.disconnect();
  const result = call("blink", undefined, 30_000, 10_000);
  client = await openHub(emulator, "dev-1", { clean: false });
  await answer((await request()).requestId, 200, "1");
  expect(await result).toMatchObject({ payload: 1 });
});
