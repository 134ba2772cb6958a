// SPDX-License-Identifier: MIT
/** Our packets, inside XS: the modules of src/ as they are. */
import type { Ask, XsTools } from "../../hosts/xs/inside/globals";
import { nativeText } from "../../hosts/xs/inside/text";
import type { TextCodec } from "../../src/host";
import { type PacketHandler, PacketReader } from "../../src/mqtt/reader";
import { PacketWriter } from "../../src/mqtt/writer";
import {
  CLIENT_ID,
  DPS_FILTER,
  FROM_SERVER,
  PASSWORD,
  REGISTER_BODY,
  REGISTER_TOPIC,
  TELEMETRY_SIZE,
  TELEMETRY_TOPIC,
  USER,
} from "../packets";
import { measure, type Operations } from "./measure";
import { webSocketOperations } from "./web-socket";

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  const costs = measure(tools, operations(nativeText()));
  return new TextEncoder().encode(JSON.stringify(costs));
}

/** An encoding ends when the transport has been handed the bytes; a decoding when the handler was called. */
export function operations(text: TextCodec): Operations {
  const writer = new PacketWriter(new Uint8Array(4096), text);
  const connect = { id: CLIENT_ID, user: USER, password: PASSWORD, clean: true, keepAlive: 60 };
  const filters = [DPS_FILTER];
  const payload = new Uint8Array(TELEMETRY_SIZE);
  const topic = writer.encodeTopicName(TELEMETRY_TOPIC);
  const body = text.encode(REGISTER_BODY);
  const sink = { write: () => 4096 };
  const made: Record<string, () => void> = {
    "encode CONNECT, 120-character user, 180-character password": () => {
      writer.connect(connect);
      writer.consume(4096);
    },
    "encode SUBSCRIBE": () => {
      writer.subscribe(1, filters, 1);
      writer.consume(4096);
    },
    "encode PUBLISH QoS 1, registration": () => {
      writer.publish(REGISTER_TOPIC, body, 1, 2);
      writer.consume(4096);
    },
    "encode PUBLISH QoS 1, 42-character topic, 40 bytes": () => {
      writer.publish(TELEMETRY_TOPIC, payload, 1, 3);
      writer.consume(4096);
    },
    "encode PUBLISH QoS 1, topic encoded before": () => {
      writer.publish(topic, payload, 1, 3);
      writer.consume(4096);
    },
    "encode PUBACK": () => {
      writer.puback(7);
      writer.consume(4096);
    },
    "encode UNSUBSCRIBE": () => {
      writer.unsubscribe(1, filters);
      writer.consume(4096);
    },
    "encode PINGREQ": () => {
      writer.pingreq();
      writer.consume(4096);
    },
    "encode DISCONNECT": () => {
      writer.disconnect();
      writer.consume(4096);
    },
    "encode PINGREQ, handed over to the transport": () => {
      writer.pingreq();
      writer.drain(sink, 4096);
    },
  };
  const handler: PacketHandler = {
    onConnack() {},
    onPublish() {},
    onOversize() {},
    onPuback() {},
    onSuback() {},
    onUnsuback() {},
    onPingresp() {},
  };
  const reader = new PacketReader(handler, text);
  for (const [name, packet] of Object.entries(FROM_SERVER)) {
    const bytes = Uint8Array.from(packet);
    made[`decode ${name}`] = () => reader.push(bytes);
  }
  return { ...made, ...webSocketOperations(text) };
}
