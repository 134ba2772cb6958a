// SPDX-License-Identifier: MIT
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../../emulator/certificates";
import { certificatesIn, leafFirst, privateKeyIn } from "../../../hosts/node/credentials";

const keyType = "ec-p256";
const root = await createRootCertificate({ commonName: "root", keyType });
const upper = await createIntermediateCertificate({ commonName: "upper", keyType }, root);
const lower = await createIntermediateCertificate({ commonName: "lower", keyType }, upper);
const device = await createDeviceCertificate({ commonName: "dev", keyType }, lower);
const parsed = [root, upper, lower, device].map(({ certificatePem }) => new X509Certificate(certificatePem));
const [inRoot, inUpper, inLower, inDevice] = parsed as [
  X509Certificate,
  X509Certificate,
  X509Certificate,
  X509Certificate,
];
const names = (chain: readonly X509Certificate[]) => chain.map(({ subject }) => subject);

test.each([
  [[inDevice, inLower, inUpper]],
  [[inLower, inDevice, inUpper]],
  [[inUpper, inLower, inDevice]],
  [[inUpper, inDevice, inLower]],
])("a chain is sent from the device's certificate up, whatever its order %#", (chain) => {
  expect(names(leafFirst(chain, createPrivateKey(device.privateKeyPem)))).toEqual([
    "CN=dev",
    "CN=lower",
    "CN=upper",
  ]);
});

test("nothing is lost: what belongs to no chain comes last, and without the key's certificate all stays", () => {
  const other = createPrivateKey(device.privateKeyPem);
  expect(names(leafFirst([inRoot, inUpper, inDevice], other))).toEqual(["CN=dev", "CN=root", "CN=upper"]);
  expect(names(leafFirst([inRoot, inDevice], generateKeyPairSync("ed25519").privateKey))).toEqual([
    "CN=root",
    "CN=dev",
  ]);
});

test("a file with both holds each", () => {
  const both = Buffer.from(`caf\xe9\n${device.privateKeyPem}${device.certificatePem}`, "latin1");
  expect(names(certificatesIn(both, "f"))).toEqual(["CN=dev"]);
  expect(inDevice.checkPrivateKey(privateKeyIn(both, "f"))).toBe(true);
});

test.each([
  ["of an exact length", [0x30, 0x82, 0x0a, 0x11, 2, 1, 3, 0x30, 0x82]],
  ["of a short one", [0x30, 0x20, 2, 1, 3, 0x30, 0x1b]],
  ["of none", [0x30, 0x80, 2, 1, 3, 0x30, 0x80]],
])("PKCS#12 %s is told by its name, with the way out", (_, head) => {
  const bytes = Uint8Array.from([...head, ...new Uint8Array(64)]);
  for (const read of [certificatesIn, privateKeyIn])
    expect(() => read(bytes, "dev.pfx")).toThrow(
      /^dev\.pfx is PKCS#12 .* openssl pkcs12 -in FILE\.pfx -nodes -out FILE\.pem/,
    );
});
