// SPDX-License-Identifier: MIT
/** The same packets by `mqtt-packet`, inside XS with polyfills or on Node. */
import mqtt from "mqtt-packet";
import type { Ask, XsTools } from "../../hosts/xs/inside/globals";
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

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(measure(tools, operations())));
}

export function operations(): Operations {
  const password = Buffer.from(PASSWORD);
  const payload = Buffer.alloc(TELEMETRY_SIZE);
  const body = Buffer.from(REGISTER_BODY);
  const publish = { cmd: "publish", qos: 1, dup: false, retain: false } as const;
  const made: Record<string, () => void> = {
    "encode CONNECT, 120-character user, 180-character password": () => {
      mqtt.generate({
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        clientId: CLIENT_ID,
        keepalive: 60,
        username: USER,
        password,
      });
    },
    "encode SUBSCRIBE": () => {
      mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: DPS_FILTER, qos: 1 }] });
    },
    "encode PUBLISH QoS 1, registration": () => {
      mqtt.generate({ ...publish, topic: REGISTER_TOPIC, payload: body, messageId: 2 });
    },
    "encode PUBLISH QoS 1, 42-character topic, 40 bytes": () => {
      mqtt.generate({ ...publish, topic: TELEMETRY_TOPIC, payload, messageId: 3 });
    },
    "encode PUBACK": () => {
      mqtt.generate({ cmd: "puback", messageId: 7 });
    },
    "encode UNSUBSCRIBE": () => {
      mqtt.generate({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [DPS_FILTER] });
    },
    "encode PINGREQ": () => {
      mqtt.generate({ cmd: "pingreq" });
    },
    "encode DISCONNECT": () => {
      mqtt.generate({ cmd: "disconnect" });
    },
  };
  const parser = mqtt.parser({ protocolVersion: 4 });
  parser.on("packet", () => {});
  for (const [name, packet] of Object.entries(FROM_SERVER)) {
    const bytes = Buffer.from(packet);
    made[`decode ${name}`] = () => {
      parser.parse(bytes);
    };
  }
  return made;
}
