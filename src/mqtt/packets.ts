// SPDX-License-Identifier: MIT
/** The constants of MQTT 3.1.1 (OASIS standard, 29 October 2014) that writer, reader and session share. */

// The types of the packets that a client receives, in the high four bits of their first byte (table 2.1).
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const SUBACK = 9;
export const UNSUBACK = 11;
export const PINGRESP = 13;

/** The name of a packet type, for messages. */
export function packetName(type: number): string {
  const names =
    "CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT";
  return names.split(" ")[type - 1] ?? `packet type ${type}`;
}

/** QoS levels that this client uses (section 4.3). QoS 2 is not spoken: Azure closes the connection on it. */
export type QoS = 0 | 1;

/** The largest remaining length of a packet: four bytes of seven bits (table 2.4). */
export const MAXIMUM_REMAINING_LENGTH = 268_435_455;

/** The longest string or binary field, in bytes (section 1.5.3). */
export const MAXIMUM_FIELD_LENGTH = 65_535;

/** No payload, no return codes. */
export const NO_BYTES: Uint8Array = Object.freeze(new Uint8Array(0));

/** SUBACK return code: failure (section 3.9.3). */
export const SUBACK_FAILURE = 0x80;

/** What is wrong with a topic name (sections 1.5.3, 3.3.2.1 and 4.7.3), or undefined. */
export function topicNameFault(topic: string): string | undefined {
  // In the text: to search bytes costs the engine of the device many times more.
  if (topic.includes("#") || topic.includes("+")) return "wildcard in a topic name [MQTT-3.3.2-2]";
  if (topic.includes("\0")) return "U+0000 in a topic [MQTT-1.5.3-2]";
  return topic === "" ? "empty topic [MQTT-4.7.3-1]" : undefined;
}

/** How many bytes the remaining length field takes for `length` (section 2.2.3). */
export function remainingLengthSize(length: number): number {
  if (length < 128) return 1;
  if (length < 16_384) return 2;
  return length < 2_097_152 ? 3 : 4;
}
