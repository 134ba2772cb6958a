// SPDX-License-Identifier: MIT

/** Meanings of CONNACK return codes: MQTT 3.1.1, table 3.1. */
export const RETURN_CODES: readonly string[] = Object.freeze([
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
]);
