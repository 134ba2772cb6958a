// SPDX-License-Identifier: MIT
/** What the end of an attempt to connect says about the network and the clock of the device. */
import type { ErrorCode } from "../../src/error";

/** Nothing came back at all. */
const UNREACHABLE: readonly ErrorCode[] = Object.freeze(["dns-failed", "connect-failed", "connect-timeout"]);
/** Time goes by without an answer, or the fault is the device's own. */
const NO_ANSWER: readonly ErrorCode[] = Object.freeze(["connack-timeout", "dps-timeout"]);
/** The server's word by their beginning, or whole. */
const ANSWERS: readonly string[] = Object.freeze([
  "tls-",
  "connack-",
  "dps-",
  "subscribe-refused",
  "malformed-packet",
  "protocol-violation",
]);
/**
 * A certificate or a token is out of its time, or looks so: MQTT says no more than CONNACK 5, DPS no more than 401
 * (Azure's "Troubleshoot device disconnects": an expired token).
 */
const OUT_OF_TIME: readonly ErrorCode[] = Object.freeze([
  "tls-expired",
  "connack-not-authorized",
  "dps-unauthorized",
]);

/** Was the network there: true when a server has answered, false when none could be reached, undefined when nobody knows. */
export function networkWorks(code: ErrorCode): boolean | undefined {
  if (UNREACHABLE.includes(code)) return false;
  const answered = !NO_ANSWER.includes(code) && ANSWERS.some((start) => code.startsWith(start));
  return answered ? true : undefined;
}

/** May the clock be what is wrong? */
export function isOutOfTime(code: ErrorCode): boolean {
  return OUT_OF_TIME.includes(code);
}
