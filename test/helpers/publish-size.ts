// SPDX-License-Identifier: MIT
import mqtt from "mqtt-packet";

/** Bytes of a PUBLISH with QoS 1, by the oracle. */
export function publishPacketSize(topic: number, payload: number): number {
  return mqtt.generate({
    cmd: "publish",
    topic: "t".repeat(topic),
    payload: Buffer.alloc(payload),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  }).length;
}
