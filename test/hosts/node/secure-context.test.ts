// SPDX-License-Identifier: MIT
import { beforeAll, expect, test } from "@jest/globals";
import type { CertificateAndKey } from "../../../emulator/certificates";
import { type Credentials, sharedContext } from "../../../hosts/node/secure-context";
import { issue } from "./tls-server";

let root: CertificateAndKey;
let otherRoot: CertificateAndKey;
let device: CertificateAndKey;
let otherDevice: CertificateAndKey;

beforeAll(async () => {
  root = await issue({ subject: "Test Root" });
  otherRoot = await issue({ subject: "Other Root" });
  device = await issue({ subject: "device-1", issuer: root });
  otherDevice = await issue({ subject: "device-2", issuer: root });
});

/** As of another device: equal, but not the same object. */
function credentials(roots: CertificateAndKey[], shown?: CertificateAndKey): Credentials {
  return {
    roots: roots.map(({ certificatePem }) => certificatePem),
    certificate: shown?.certificatePem,
    key: shown?.privateKeyPem,
  };
}

test("connections with the same roots, certificate and key have one context", () => {
  expect(sharedContext(credentials([root]))).toBe(sharedContext(credentials([root])));
  expect(sharedContext(credentials([root], device))).toBe(sharedContext(credentials([root], device)));
});

test("no other connection has it", () => {
  const all = [
    credentials([root]),
    credentials([otherRoot]),
    credentials([root, otherRoot]),
    credentials([root], device),
    credentials([root], otherDevice),
    credentials([otherRoot], device),
  ];
  expect(new Set(all.map(sharedContext)).size).toBe(all.length);
});

test("two roots in one entry are not two entries", () => {
  const { roots } = credentials([root, otherRoot]);
  expect(sharedContext({ roots: [roots.join("")] })).not.toBe(sharedContext({ roots }));
});

test("a key that is not the certificate's is refused, also after the right one", () => {
  sharedContext(credentials([root], device));
  const wrong = { ...credentials([root], device), key: otherDevice.privateKeyPem };
  expect(() => sharedContext(wrong)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});
