// SPDX-License-Identifier: MIT
/** `mqtt-packet`, the implementation that writer and reader are compared with. */
import mqtt, { type Packet } from "mqtt-packet";

/** The packets in `bytes`, which must hold whole ones only. */
export function parsePackets(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  const parser = mqtt.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error: Error) => {
    throw error;
  });
  const left = parser.parse(Buffer.from(bytes));
  if (left !== 0) throw new Error(`${left} bytes are no whole packet`);
  return packets;
}

/** The bytes of `packets`, one behind the other. */
export function generatePackets(...packets: readonly Packet[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(packets.map((packet) => mqtt.generate(packet))));
}
