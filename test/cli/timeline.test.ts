// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import mqtt, { type Packet } from "mqtt-packet";
import { type TappedPacket, Timeline, timelineRow } from "../../cli/timeline";
import { openTransport, type Transport, type TransportOptions } from "../../src/host";

const bytesOf = (packet: Packet): Uint8Array => new Uint8Array(mqtt.generate(packet));
const SUBSCRIBE = bytesOf({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
const SUBACK = bytesOf({ cmd: "suback", messageId: 1, granted: [1] });
const PUBACK = bytesOf({ cmd: "puback", messageId: 2 });
const publish = (size: number) =>
  bytesOf({
    cmd: "publish",
    qos: 1,
    messageId: 2,
    dup: false,
    retain: false,
    topic: "t",
    payload: Buffer.alloc(size, "x"),
  });

test("packets are found whatever the pieces, in both directions, and counted", () => {
  const packets: TappedPacket[] = [];
  let now = 100;
  const timeline = new Timeline(
    (packet) => packets.push(packet),
    () => now,
  );
  const { sent, received } = timeline.connection("dps");
  sent(SUBSCRIBE);
  now = 150;
  for (const byte of SUBACK) received(Uint8Array.of(byte));
  const both = new Uint8Array([...publish(300), ...publish(20_000)]);
  sent(both.subarray(0, 100));
  sent(both.subarray(100));
  received(new Uint8Array([...PUBACK, ...PUBACK]));
  expect(
    packets.map(({ direction, type, bytes, time, peer }) => [direction, type, bytes, time, peer]),
  ).toEqual([
    ["sent", "SUBSCRIBE", SUBSCRIBE.length, 0, "dps"],
    ["received", "SUBACK", 5, 50, "dps"],
    ["sent", "PUBLISH", publish(300).length, 50, "dps"],
    ["sent", "PUBLISH", publish(20_000).length, 50, "dps"],
    ["received", "PUBACK", 4, 50, "dps"],
    ["received", "PUBACK", 4, 50, "dps"],
  ]);
  expect(timeline.traffic).toEqual({
    connections: 1,
    roundTrips: 2,
    packetsSent: 3,
    packetsReceived: 3,
    bytesSent: SUBSCRIBE.length + both.length,
    bytesReceived: 13,
  });
});

test("bytes that are no MQTT are shown as such", () => {
  const packets: TappedPacket[] = [];
  const { received } = new Timeline((packet) => packets.push(packet)).connection("hub");
  received(new TextEncoder().encode("\0\0HTTP/1.1 400"));
  expect(packets.at(-1)).toMatchObject({ type: "?", detail: "no MQTT 3.1.1", direction: "received" });
});

test("the tap hands everything through", () => {
  const calls: string[] = [];
  class Inner implements Transport {
    constructor(options: TransportOptions & { extra: string }) {
      calls.push(`open ${options.host}:${options.port} ${options.extra}`);
    }
    read(target: Uint8Array): number {
      target.set(SUBACK);
      return SUBACK.length;
    }
    write(_bytes: Uint8Array, start: number, end: number): number {
      calls.push(`write ${start}-${end}`);
      return 77;
    }
    close(): void {
      calls.push("close");
    }
  }
  const packets: TappedPacket[] = [];
  const timeline = new Timeline((packet) => packets.push(packet));
  const ignore = () => undefined;
  const transport = openTransport(timeline.tap({ io: Inner, extra: "kept" }), {
    host: "hub",
    port: 8883,
    onReadable: ignore,
    onWritable: ignore,
    onError: ignore,
  });
  expect(transport.write(SUBSCRIBE)).toBe(77);
  const size = SUBSCRIBE.length;
  const memory = new Uint8Array(3 + size + 2);
  memory.set(SUBSCRIBE, 3);
  expect(transport.write(memory, 3, 3 + size)).toBe(77);
  expect(transport.read(new Uint8Array(100))).toBe(5);
  transport.close();
  expect(calls).toEqual(["open hub:8883 kept", `write 0-${size}`, `write 3-${3 + size}`, "close"]);
  expect(packets.map(({ type }) => type)).toEqual(["SUBSCRIBE", "SUBSCRIBE", "SUBACK"]);
});

test("a row holds time, direction, server, type, bytes, topic and details", () => {
  const packet = {
    direction: "sent",
    peer: "hub",
    bytes: 12,
    time: 1234.6,
    type: "PUBLISH",
    topic: "t",
    detail: "QoS 1",
  } as const;
  expect(timelineRow(packet, "d1 ")).toBe("   1.235 s  d1 → hub  PUBLISH       12 B  t  QoS 1");
  expect(timelineRow({ ...packet, direction: "received", topic: undefined, detail: "" })).toBe(
    "   1.235 s  ← hub  PUBLISH       12 B",
  );
});
