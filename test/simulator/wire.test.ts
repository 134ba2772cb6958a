// SPDX-License-Identifier: MIT
/** The model's reading and writing of MQTT, judged by mqtt-packet. */
import { expect, test } from "@jest/globals";
import mqtt, { type Packet } from "mqtt-packet";
import {
  connack,
  type PacketSink,
  PINGRESP,
  puback,
  publish,
  suback,
  WireError,
  WireReader,
} from "../../simulator/wire";

function reader(): { seen: unknown[]; wire: WireReader } {
  const seen: unknown[] = [];
  const sink: PacketSink = {
    connect: (packet) => seen.push(packet),
    publish: (packet) => seen.push({ ...packet, payload: packet.payload.toString() }),
    puback: (id) => seen.push({ puback: id }),
    subscribe: (id, filters) => seen.push({ subscribe: id, filters }),
    pingreq: () => seen.push("pingreq"),
    disconnect: () => seen.push("disconnect"),
  };
  return { seen, wire: new WireReader(sink) };
}

const CLIENT: readonly Packet[] = [
  {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "device-1",
    clean: false,
    keepalive: 240,
    username: "hub/device-1/",
    password: Buffer.from("token"),
  },
  {
    cmd: "subscribe",
    messageId: 2,
    subscriptions: [
      { topic: "a/#", qos: 1 },
      { topic: "b", qos: 0 },
    ],
  },
  { cmd: "publish", topic: "t", payload: "x".repeat(300), qos: 1, messageId: 513, dup: true, retain: false },
  { cmd: "publish", topic: "t/2", payload: "", qos: 0, dup: false, retain: true },
  { cmd: "puback", messageId: 258 },
  { cmd: "pingreq" },
  { cmd: "disconnect" },
];

test("what a client sends is read the same however it is cut up", () => {
  const bytes = Buffer.concat(CLIENT.map((packet) => mqtt.generate(packet)));
  for (const size of [1, 2, 7, bytes.length]) {
    const { seen, wire } = reader();
    for (let at = 0; at < bytes.length; at += size) wire.push(bytes.subarray(at, at + size));
    expect(seen).toEqual([
      { id: "device-1", user: "hub/device-1/", password: "token", clean: false, keepAlive: 240 },
      { subscribe: 2, filters: ["a/#", "b"] },
      { topic: "t", payload: "x".repeat(300), QoS: 1, duplicate: true, retain: false, id: 513 },
      { topic: "t/2", payload: "", QoS: 0, duplicate: false, retain: true, id: 0 },
      { puback: 258 },
      "pingreq",
      "disconnect",
    ]);
  }
});

test.each([
  ["a packet of a server", [0x20, 2, 0, 0]],
  ["flags that are reserved", [0x41, 2, 0, 1]],
  ["a length over four bytes", [0x30, 0xff, 0xff, 0xff, 0xff, 1]],
  ["a topic that is not whole", [0x30, 3, 0, 9, 0x61]],
  ["packet identifier 0", [0x32, 5, 0, 1, 0x61, 0, 0]],
  ["SUBSCRIBE without a filter", [0x82, 2, 0, 1]],
])("%s is refused", (_, bytes) => {
  expect(() => reader().wire.push(Buffer.from(bytes))).toThrow(WireError);
});

test("what a server sends is what mqtt-packet reads", () => {
  const seen: Packet[] = [];
  const parser = mqtt.parser();
  parser.on("packet", (packet) => seen.push(packet));
  const long = "x".repeat(20_000);
  for (const bytes of [
    connack(5, false),
    connack(0, true),
    suback(258, [1, 0x80]),
    puback(513),
    PINGRESP,
    publish("topic/ä", "payload"),
    publish("t", long, 259, true),
  ]) {
    parser.parse(bytes);
  }
  expect(seen).toMatchObject([
    { cmd: "connack", returnCode: 5, sessionPresent: false },
    { cmd: "connack", returnCode: 0, sessionPresent: true },
    { cmd: "suback", messageId: 258, granted: [1, 128] },
    { cmd: "puback", messageId: 513 },
    { cmd: "pingresp" },
    { cmd: "publish", topic: "topic/ä", payload: Buffer.from("payload"), qos: 0, dup: false },
    { cmd: "publish", topic: "t", payload: Buffer.from(long), qos: 1, dup: true, messageId: 259 },
  ]);
});
