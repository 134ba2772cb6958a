// SPDX-License-Identifier: MIT
/**
 * Tokens and derived keys. Group key, registration id and derived key are the example of Azure's page "Symmetric
 * key attestation" of DPS; the tokens were computed with a second implementation.
 */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { hmacSigner, nodeText } from "../../../simulator/virtual-host";
import {
  DPS_POLICY,
  deriveDeviceKey,
  dpsResource,
  hubResource,
  type SasOptions,
  sasToken,
} from "../../../src/azure/sas";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const REGISTRATION_ID = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
const DERIVED_KEY = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";
const EXPIRY = 1_700_003_600;

function token(options: Partial<SasOptions> & { readonly resource: string }, key = DERIVED_KEY): string {
  return sasToken({ expiry: EXPIRY, ...options }, hmacSigner(key), nodeText);
}

test("the key of a device of a group", () => {
  expect(deriveDeviceKey(REGISTRATION_ID, hmacSigner(GROUP_KEY), nodeText)).toBe(DERIVED_KEY);
});

test("the key depends on the case of the registration id", () => {
  const other = deriveDeviceKey(REGISTRATION_ID.toUpperCase(), hmacSigner(GROUP_KEY), nodeText);
  expect(other).not.toBe(DERIVED_KEY);
});

test("for DPS", () => {
  const resource = dpsResource("0ne00000000", REGISTRATION_ID);
  expect(token({ resource, policy: DPS_POLICY })).toBe(
    "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6" +
      "&sig=gNjkn3R1j5N9USDokt3gtJVTEnXNk2KJLunM5qRuFN8%3D&se=1700003600&skn=registration",
  );
});

test("for a hub: no policy name", () => {
  const resource = hubResource("contoso.azure-devices.net", REGISTRATION_ID);
  expect(token({ resource })).toBe(
    "SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6" +
      "&sig=VrKa1fKwDGGFvjBLZY5%2Ftv3ZMfgKiDPTpV%2B0qL5QxSU%3D&se=1700003600",
  );
});

test("the resource of DPS is plural: a well-known article has `registration`, which DPS refuses", () => {
  expect(dpsResource("0ne", "d")).toBe("0ne/registrations/d");
  // In the policy name it is singular.
  expect(DPS_POLICY).toBe("registration");
});

test("the resource of a hub", () => {
  expect(hubResource("h.azure-devices.net", "d")).toBe("h.azure-devices.net/devices/d");
});

testProperty(
  "the signature is over the encoded resource, a line feed and the expiry, and + / = are encoded",
  200,
  fc.property(
    fc.string({ minLength: 1 }),
    fc.integer({ min: 1, max: 2 ** 40 }),
    fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    fc.uint8Array({ minLength: 16, maxLength: 64 }),
    (resource, expiry, policy, key) => {
      const base64 = Buffer.from(key).toString("base64");
      const [name, query = ""] = token({ resource, expiry, policy }, base64).split(" ");
      expect(name).toBe("SharedAccessSignature");
      const pairs = query.split("&").map((pair) => pair.split("="));
      expect(pairs.every((pair) => pair.length === 2)).toBe(true);
      const fields = Object.fromEntries(pairs);
      const expected = createHmac("sha256", key).update(`${fields.sr}\n${expiry}`).digest("base64");
      expect(decodeURIComponent(fields.sr)).toBe(resource);
      expect(decodeURIComponent(fields.sig)).toBe(expected);
      expect(fields.se).toBe(String(expiry));
      expect(fields.skn === undefined ? undefined : decodeURIComponent(fields.skn)).toBe(policy);
    },
  ),
);

describe("refused", () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("expiry %d", (expiry) => {
    expect(thrownCode(() => token({ resource: "r", expiry }))).toBe("invalid-argument");
  });

  test("an empty resource, a lone surrogate in it, an empty registration id", () => {
    expect(thrownCode(() => token({ resource: "" }))).toBe("invalid-argument");
    expect(thrownCode(() => token({ resource: "\ud800" }))).toBe("invalid-argument");
    expect(thrownCode(() => deriveDeviceKey("", hmacSigner(GROUP_KEY), nodeText))).toBe("invalid-argument");
  });

  test.each([0, 20, 31, 33, 64])("a signer that gives %i bytes", (length) => {
    const signer = { sign: () => new Uint8Array(length) };
    const options = { resource: "r", expiry: EXPIRY };
    expect(thrownCode(() => sasToken(options, signer, nodeText))).toBe("invalid-argument");
    expect(thrownCode(() => deriveDeviceKey("d", signer, nodeText))).toBe("invalid-argument");
  });
});
