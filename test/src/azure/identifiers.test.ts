// SPDX-License-Identifier: MIT
/** The rules of "DPS terminology" (registration id), "Identity registry" (device id) and DNS (RFC 1123). */
import { expect, test } from "@jest/globals";
import { checkIdScope, checkRegistrationId, isDeviceId, isHostName } from "../../../src/azure/identifiers";
import { thrownCode } from "../../helpers/thrown";

test.each(["a", "A", "0", "-", "device-1", "a.b_c:d-e", "-a", ".a", "a-", "a".repeat(128)])(
  "registration id %j",
  (id) => {
    expect(checkRegistrationId(id)).toBe(id);
  },
);

test.each(["", ".", "a.", "a_", "a:", "a b", "a/b", "a\n", "a$", "ä", "a".repeat(129), "a\0"])(
  "no registration id: %j",
  (id) => {
    expect(thrownCode(() => checkRegistrationId(id))).toBe("invalid-argument");
  },
);

test.each(["0ne00000000", "0neABCDEF12", "a", "0".repeat(64)])("id scope %j", (idScope) => {
  expect(checkIdScope(idScope)).toBe(idScope);
});

test.each(["", "0ne 1", "0ne-1", "0ne/1", "0ne\n", "ö", "0".repeat(65)])("no id scope: %j", (idScope) => {
  expect(thrownCode(() => checkIdScope(idScope))).toBe("invalid-argument");
});

const LABEL = "x".repeat(63);

test.each([
  "a",
  "localhost",
  "contoso.azure-devices.net",
  "CONTOSO.azure-devices.NET",
  "a-b.c",
  "1.2.3.4a",
  "127.1.example",
  "0x7f.a",
  "0xg",
  "x7f000001",
  `${LABEL}.net`,
  `${LABEL}.${LABEL}.${LABEL}.${"x".repeat(61)}`,
])("host name %j", (name) => {
  expect(isHostName(name)).toBe(true);
});

test.each([
  "",
  ".",
  "a.",
  ".a",
  "a..b",
  "-a",
  "a-",
  "a.-b",
  "a-.b",
  "a_b",
  "a b",
  "a/b",
  "a:443",
  "a\n",
  "a\0",
  "ä.net",
  "user@host",
  "::1",
  // Addresses to a resolver, whole or abbreviated.
  "1.2.3.4",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0X7F000001",
  "127.0x1",
  "a.0x",
  "hub.azure-devices.7",
  `x${LABEL}.net`,
  `${LABEL}.${LABEL}.${LABEL}.${"x".repeat(62)}`,
])("no host name: %j", (name) => {
  expect(isHostName(name)).toBe(false);
});

test("the characters of a device id", () => {
  const allowed = "-.%_*?!(),:=@$'";
  for (let code = 0; code < 256; code += 1) {
    const character = String.fromCharCode(code);
    const valid = /[A-Za-z0-9]/.test(character) || allowed.includes(character);
    expect([character, isDeviceId(`d${character}d`)]).toEqual([character, valid]);
  }
});

test("the length of a device id", () => {
  expect([0, 1, 128, 129].map((length) => isDeviceId("d".repeat(length)))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(isDeviceId("d\n")).toBe(false);
});
