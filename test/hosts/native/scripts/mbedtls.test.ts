// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { findMbedtls } from "../../../../hosts/native/scripts/mbedtls";

test("where none is installed none is found, also not the system's in its place", () => {
  expect(findMbedtls("/nowhere")).toBeUndefined();
});

const system = findMbedtls("");

(system ? test : test.skip)("the system's says what it is", () => {
  const [major = 0, minor = 0, patch = 0] = system?.version.split(".").map(Number) ?? [];
  expect(system?.number).toBe(major * 0x1000000 + minor * 0x10000 + patch * 0x100);
  // TLS 1.3 came with 3.2.
  expect(system?.tls13 && system.number < 0x03020000).toBe(false);
});
