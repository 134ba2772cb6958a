// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { isOutOfTime, networkWorks } from "../../../hosts/moddable/evidence";
import { ERRORS, type ErrorCode } from "../../../src/error";

const codes = Object.keys(ERRORS) as ErrorCode[];

test("unreachable is what never came to a server; what a server said shows that it was reached", () => {
  const of = (works: boolean | undefined): ErrorCode[] =>
    codes.filter((code) => networkWorks(code) === works);
  expect(of(false)).toEqual(["dns-failed", "connect-failed", "connect-timeout"]);
  expect(of(true)).toEqual(
    expect.arrayContaining(["tls-untrusted", "connack-not-authorized", "dps-throttled"]),
  );
  expect(of(undefined)).toEqual(
    expect.arrayContaining([
      "connack-timeout",
      "dps-timeout",
      "connection-lost",
      "network-down",
      "out-of-memory",
    ]),
  );
});

test("what may come of a wrong clock", () => {
  expect(codes.filter(isOutOfTime)).toEqual(["tls-expired", "connack-not-authorized", "dps-unauthorized"]);
});
