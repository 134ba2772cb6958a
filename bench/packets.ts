// SPDX-License-Identifier: MIT
/** The packets of a provisioning life that are measured, for ours and for the peers alike. */

export const CLIENT_ID = "device-1";
export const USER = "0ne00000000/registrations/device-1/api-version=2019-03-31&ClientVersion=".padEnd(
  120,
  "x",
);
export const PASSWORD = "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fdevice-1&sig=".padEnd(
  180,
  "x",
);
export const DPS_FILTER = "$dps/registrations/res/#";
export const REGISTER_TOPIC = "$dps/registrations/PUT/iotdps-register/?$rid=1a2b3c4d";
export const REGISTER_BODY = '{"registrationId":"device-1"}';
export const TELEMETRY_TOPIC = "devices/device-000001/messages/events/".padEnd(42, "x");
export const TELEMETRY_SIZE = 40;
export const ANSWER_TOPIC = "$dps/registrations/res/200/?$rid=1a2b3c4d&retry-after=3".padEnd(91, "x");
export const ANSWER_SIZE = 400;

function bytesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** What the server sends, byte by byte as the standard has it (sections 3.2, 3.4, 3.9, 3.11, 3.13, 3.3). */
export const FROM_SERVER: Readonly<Record<string, readonly number[]>> = Object.freeze({
  CONNACK: [0x20, 2, 0, 0],
  SUBACK: [0x90, 3, 0, 1, 1],
  PUBACK: [0x40, 2, 0, 1],
  UNSUBACK: [0xb0, 2, 0, 1],
  PINGRESP: [0xd0, 0],
  "PUBLISH QoS 1, 91-character topic, 400 bytes": [
    0x32,
    ...[((2 + 91 + 2 + ANSWER_SIZE) & 0x7f) | 0x80, (2 + 91 + 2 + ANSWER_SIZE) >> 7],
    ...[0, 91],
    ...bytesOf(ANSWER_TOPIC),
    ...[0, 7],
    ...new Array<number>(ANSWER_SIZE).fill(0x20),
  ],
});

/** What a client does with a connection: the same by `Session` and by the SDK's client. */
export const Step = Object.freeze({
  OPEN: "constructor, then CONNECT",
  CONNECT: "CONNECT, once the socket has room",
  CONNACK: "CONNACK",
  SUBSCRIBE: "SUBSCRIBE",
  SUBACK: "SUBACK",
  REGISTER: "PUBLISH QoS 1, registration",
  PUBACK: "PUBACK",
  ANSWER: "PUBLISH QoS 1 of 400 bytes in, PUBACK out",
  TELEMETRY: "PUBLISH QoS 1, 42-character topic, 40 bytes",
  CYCLE: "the same with its PUBACK",
  CLOSE: "DISCONNECT and close",
});
