// SPDX-License-Identifier: MIT
/** What the hostile suite (test/hostile) does not show end to end. */
import { expect, test } from "@jest/globals";
import { serverIdentityError } from "../../../hosts/node/server-identity";
import { KeyUsageFlags, type Profile } from "../../helpers/hostile-certificates";
import { hostilePki, leafBelow } from "../../helpers/hostile-pki";

async function codeFor(host: string, leaf: Partial<Profile>): Promise<string | undefined> {
  const { intermediate } = await hostilePki();
  const { der } = await leafBelow(intermediate, leaf);
  const error = serverIdentityError(host, [der]) as NodeJS.ErrnoException | undefined;
  return error?.code;
}

test.each<[string, Partial<Profile>, string | undefined]>([
  ["hub.example.org", { names: ["hub.example.org"] }, undefined],
  // RFC 1034 section 3.1: the dot of a name that is complete.
  ["hub.example.org.", { names: ["hub.example.org"] }, undefined],
  ["hub.example.org", { names: ["*.example.org"] }, undefined],
  ["example.org", { names: ["*.example.org"] }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["::1", { addresses: ["::1"] }, undefined],
  ["0:0:0:0:0:0:0:1", { addresses: ["::1"] }, undefined],
  ["::2", { addresses: ["::1"] }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["::1", { names: ["::1"] }, "ERR_TLS_CERT_ALTNAME_INVALID"],
])("%s, certificate with %j: %s", async (host, leaf, code) => {
  expect(await codeFor(host, leaf)).toBe(code);
});

test.each<[string, KeyUsageFlags | undefined, string | undefined]>([
  ["none told", undefined, undefined],
  ["digitalSignature", KeyUsageFlags.digitalSignature, undefined],
  ["digitalSignature and more", KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, undefined],
  ["keyEncipherment", KeyUsageFlags.keyEncipherment, "INVALID_PURPOSE"],
  // Bit 8 stands in a second byte.
  [
    "decipherOnly and keyAgreement",
    KeyUsageFlags.decipherOnly | KeyUsageFlags.keyAgreement,
    "INVALID_PURPOSE",
  ],
])("key usage %s", async (_name, usages, code) => {
  const host = "hub.example.org";
  expect(await codeFor(host, { names: [host], usages })).toBe(code);
});
