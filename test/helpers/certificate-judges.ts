// SPDX-License-Identifier: MIT
/** What @peculiar/x509 and OpenSSL say to a request for a certificate. */
import "reflect-metadata";
import { spawnSync } from "node:child_process";
import { expect } from "@jest/globals";
import { Pkcs10CertificateRequest } from "@peculiar/x509";

/** Fails unless both take `request` (DER) as one for `commonName` and the key `publicKey`, signed by that key. */
export async function judgeRequest(
  request: Uint8Array,
  commonName: string,
  publicKey: Uint8Array,
): Promise<void> {
  const parsed = new Pkcs10CertificateRequest(Buffer.from(request));
  expect(await parsed.verify()).toBe(true);
  expect(parsed.subjectName.getField("CN")).toEqual([commonName]);
  expect(new Uint8Array(parsed.publicKey.rawData)).toEqual(publicKey);
  const openssl = spawnSync(
    "openssl",
    ["req", "-inform", "DER", "-verify", "-noout", "-subject", "-nameopt", "RFC2253"],
    { input: request, encoding: "utf8" },
  );
  expect({ status: openssl.status, told: openssl.stdout + openssl.stderr }).toEqual({
    status: 0,
    told: expect.stringMatching(/self-signature verify OK|verify OK/i),
  });
  expect(openssl.stdout).toContain(`CN=${commonName}`);
}
