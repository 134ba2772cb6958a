// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import { HUB, KEY, openHub, record, startEmulator } from "../helpers/emulator-client";

const BOUND = "devices/dev-1/messages/devicebound/#";
const ANY_BOUND = "devices/+/messages/devicebound/#";
let clock: ManualClock;
let emulator: Emulator;

beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock, hub: { maximumQueue: 3 } });
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
});
afterEach(() => emulator.stop());

const queue = () => emulator.devices.get(HUB, "dev-1")!.queue;

test("messages wait for the device, come in order with their properties, and go at PUBACK", async () => {
  await emulator.sendCloudToDevice(HUB, "dev-1", "one", {
    "$.mid": "m1",
    "a b": "c&d",
    flag: null,
    empty: "",
  });
  await emulator.sendCloudToDevice(HUB, "dev-1", "two");
  const delivered = record(emulator, "delivered");
  const client = await openHub(emulator);
  await client.subscribe(BOUND);
  const first = await client.message();
  expect(first.topic).toBe(
    "devices/dev-1/messages/devicebound/%24.to=%2Fdevices%2Fdev-1%2Fmessages%2Fdevicebound&%24.mid=m1&a%20b=c%26d&flag&empty=",
  );
  expect([first.text, (await client.message()).text]).toEqual(["one", "two"]);
  await client.ping();
  expect(queue()).toEqual([]);
  expect(delivered).toHaveLength(2);
  expect(emulator.counts.delivered).toBe(2);
});

test("system properties come by their names in a topic, an expiry only when it was asked for", async () => {
  const sequence = await emulator.sendCloudToDevice(HUB, "dev-1", "one", { a: "b" }, 60_000, {
    messageId: "m 1",
    correlationId: "c",
    userId: "u",
    contentType: "application/json",
    contentEncoding: "utf-8",
    ack: "full",
  });
  await emulator.sendCloudToDevice(HUB, "dev-1", "two", { "$.to": "else" }, undefined, { to: "where" });
  const until = encodeURIComponent(`${new Date(clock.now() + 60_000).toISOString().slice(0, -1)}0000Z`);
  const delivered = record<{ sequence: number }>(emulator, "delivered");
  const client = await openHub(emulator);
  await client.subscribe(BOUND);
  const bag = async () => (await client.message()).topic.slice("devices/dev-1/messages/devicebound/".length);
  expect(await bag()).toBe(
    `%24.mid=m%201&%24.exp=${until}&%24.to=%2Fdevices%2Fdev-1%2Fmessages%2Fdevicebound&%24.cid=c&%24.uid=u&%24.ct=application%2Fjson&%24.ce=utf-8&iothub-ack=full&a=b`,
  );
  expect(await bag()).toBe("%24.to=else");
  await client.ping();
  expect(delivered[0]!.sequence).toBe(sequence);
});

test("a message to a connected device is sent at once, at the granted QoS", async () => {
  const client = await openHub(emulator);
  await client.subscribe({ topic: BOUND, qos: 0 });
  await emulator.sendCloudToDevice(HUB, "dev-1", Buffer.from([0, 255]));
  const { packet } = await client.message();
  expect(packet).toMatchObject({ qos: 0, retain: false, dup: false, payload: Buffer.from([0, 255]) });
  expect(queue()).toEqual([]);
});

test("the filter with a plus is the device's own: its messages come, once, and no other's", async () => {
  emulator.devices.create(HUB, "dev-2", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  await emulator.sendCloudToDevice(HUB, "dev-1", "one");
  const client = await openHub(emulator, "dev-1", { clean: false });
  expect(await client.subscribe({ topic: ANY_BOUND, qos: 0 })).toEqual([0]);
  expect(await client.message()).toMatchObject({ text: "one", packet: { qos: 0 } });
  // With both the higher quality of service counts, as MQTT 3.1.1 section 3.3.5 has it for overlapping filters.
  expect(await client.subscribe(BOUND)).toEqual([1]);
  await emulator.sendCloudToDevice(HUB, "dev-2", "for the other");
  await emulator.sendCloudToDevice(HUB, "dev-1", "two");
  const two = await client.message();
  expect(two).toMatchObject({ text: "two", packet: { qos: 1 } });
  expect(two.topic).toMatch(/^devices\/dev-1\/messages\/devicebound\//);
  await client.ping();
  expect(client.packets).toEqual([]);
  const ended = new Promise((resolve) => emulator.events.once("disconnect", resolve));
  await client.drop();
  await ended;
  const again = await openHub(emulator, "dev-1", { clean: false });
  expect(again.sessionPresent).toBe(true);
  again.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: [BOUND] });
  await again.next(({ cmd }) => cmd === "unsuback");
  await emulator.sendCloudToDevice(HUB, "dev-1", "three");
  expect(await again.message()).toMatchObject({ text: "three", packet: { qos: 0 } });
});

test("a session that is kept gets the message again with DUP and the same packet identifier, without subscribing", async () => {
  const first = await openHub(emulator, "dev-1", { clean: false });
  expect(first.sessionPresent).toBe(false);
  await first.subscribe(BOUND);
  await emulator.sendCloudToDevice(HUB, "dev-1", "one");
  const { packet } = await first.message(false);
  // Until the hub has seen the connection end, it would send the second message there, too.
  const ended = new Promise((resolve) => emulator.events.once("disconnect", resolve));
  await first.drop();
  await ended;
  await emulator.sendCloudToDevice(HUB, "dev-1", "two");
  const second = await openHub(emulator, "dev-1", { clean: false });
  expect(second.sessionPresent).toBe(true);
  const again = await second.message();
  expect(again.text).toBe("one");
  expect(again.packet).toMatchObject({ dup: true, messageId: packet.messageId });
  const next = await second.message();
  expect(next.text).toBe("two");
  expect(next.packet.dup).toBe(false);
  expect(next.packet.messageId).not.toBe(packet.messageId);
  await second.ping();
  expect(queue()).toEqual([]);
});

test("a session keeps the filters that were granted, at the QoS that was granted, and no others", async () => {
  const client = await openHub(emulator, "dev-1", { clean: false });
  expect(await client.subscribe({ topic: BOUND, qos: 2 }, "#")).toEqual([1, 128]);
  expect(emulator.devices.get(HUB, "dev-1")!.session).toEqual({ [BOUND]: 1 });
});

test("a clean session loses subscription and identifier, not the queue", async () => {
  const first = await openHub(emulator, "dev-1", { clean: false });
  await first.subscribe(BOUND);
  await emulator.sendCloudToDevice(HUB, "dev-1", "one");
  await first.message(false);
  await first.drop();
  const second = await openHub(emulator, "dev-1", { clean: true });
  expect(second.sessionPresent).toBe(false);
  await second.ping();
  expect(second.packets).toEqual([]);
  await second.subscribe(BOUND);
  const { text, packet } = await second.message();
  expect([text, packet.dup]).toEqual(["one", false]);
  await second.disconnect();
  expect((await openHub(emulator, "dev-1", { clean: false })).sessionPresent).toBe(false);
});

test("UNSUBSCRIBE stops delivery and is remembered by the session", async () => {
  const first = await openHub(emulator, "dev-1", { clean: false });
  await first.subscribe(BOUND);
  first.send({ cmd: "unsubscribe", messageId: 77, unsubscriptions: [BOUND] });
  await first.next(({ cmd }) => cmd === "unsuback");
  await emulator.sendCloudToDevice(HUB, "dev-1", "one");
  await first.disconnect();
  const second = await openHub(emulator, "dev-1", { clean: false });
  await second.ping();
  expect(second.packets).toEqual([]);
});

test("a message past its lifetime is not delivered", async () => {
  await emulator.sendCloudToDevice(HUB, "dev-1", "short", {}, 1000);
  await emulator.sendCloudToDevice(HUB, "dev-1", "long");
  clock.advance(2000);
  const client = await openHub(emulator);
  await client.subscribe(BOUND);
  expect((await client.message()).text).toBe("long");
});

test("a message that is never acknowledged is dropped after ten deliveries", async () => {
  await emulator.sendCloudToDevice(HUB, "dev-1", "poison");
  for (let count = 0; count < 10; count++) {
    const client = await openHub(emulator);
    await client.subscribe(BOUND);
    await client.message(false);
    await client.drop();
  }
  const client = await openHub(emulator);
  await client.subscribe(BOUND);
  await client.ping();
  expect(client.packets).toEqual([]);
});

test("what a hub does not take is refused with the reason", async () => {
  const send = (body: string) => emulator.sendCloudToDevice(HUB, "dev-1", body);
  await expect(send("x".repeat(65_537))).rejects.toThrow("at most 65536 are allowed");
  await send("1");
  await send("2");
  await send("3");
  await expect(send("4")).rejects.toThrow("3 messages wait for dev-1 already");
  await expect(emulator.sendCloudToDevice(HUB, "dev-2", "x")).rejects.toThrow(`no device dev-2 in ${HUB}`);
  await expect(emulator.sendCloudToDevice("else.where", "dev-1", "x")).rejects.toThrow(
    "no device dev-1 in else.where",
  );
});
