// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { ownView } from "../../../src/agent/refusal";

const AT = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const VALIDITY = { notBefore: AT - DAY, notAfter: AT + DAY };
const SPAN = "its certificate: good from 2026-05-31T00:00:00.000Z to 2026-06-02T00:00:00.000Z";

test.each([
  "connack-identifier-rejected",
  "connack-bad-credentials",
  "connack-not-authorized",
  "dps-unauthorized",
  "tls-client-certificate",
] as const)("%s: the device says its clock", (code) => {
  expect(ownView(code, AT)).toBe("the device's clock: 2026-06-01T00:00:00.000Z");
  expect(ownView(code, undefined)).toBe("the device's clock: not set");
});

test.each([
  ["in its time", AT, `2026-06-01T00:00:00.000Z; ${SPAN}`],
  ["after it", AT + 2 * DAY, `2026-06-03T00:00:00.000Z; ${SPAN}: expired`],
  ["before it", AT - 2 * DAY, `2026-05-30T00:00:00.000Z; ${SPAN}: not valid yet`],
  ["by no clock", undefined, `not set; ${SPAN}`],
])("with a certificate %s, its dates", (_, now, expected) => {
  expect(ownView("connack-not-authorized", now, VALIDITY)).toBe(`the device's clock: ${expected}`);
});

test.each(["connect-failed", "dps-throttled", "connack-server-unavailable", "dps-not-found"] as const)(
  "%s is no refusal of the device",
  (code) => expect(ownView(code, AT, VALIDITY)).toBeUndefined(),
);
