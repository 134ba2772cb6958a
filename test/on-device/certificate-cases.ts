// SPDX-License-Identifier: MIT
/** ECDSA by mbedTLS, and the modules of manifest_certificates.json. Vector: RFC 6979, A.2.5, P-256, SHA-256, "sample". */
import Resource from "Resource";
import TextDecoder from "text/decoder";
import { createCertificates, IssuedCertificate, SignedRoots } from "../../hosts/moddable/certificates";
import { tlsOptions } from "../../hosts/moddable/cryptography";
import { ModdableText } from "../../hosts/moddable/text";
import { TRUSTED_ROOTS } from "../../hosts/moddable/trusted-roots";
import { certificateRequest, pointOf } from "../../src/x509/certificate-request";
import { Der, TAG } from "../../src/x509/der";
import { type Case, equal, holds, refused } from "./check";

const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));
const roots = () =>
  TRUSTED_ROOTS.map((name) => new Uint8Array(new Resource(`berth-${name}.der`) as unknown as ArrayBuffer));
const certificates = createCertificates(tlsOptions(roots), undefined);

const POINT =
  "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const SIGNATURE =
  "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

export const certificateCases: readonly Case[] = [
  {
    name: "certificate: a known signature holds, and no other",
    run: () => {
      const { verify } = certificates.keys;
      const [point, signature] = [bytesOf(POINT), bytesOf(SIGNATURE)];
      equal(verify(point, text.encode("sample"), signature), true);
      equal(verify(point, text.encode("Sample"), signature), false);
      signature[20] = (signature[20] as number) ^ 1;
      equal(verify(point, text.encode("sample"), signature), false);
    },
  },
  {
    name: "certificate: a request for a new key is signed by it",
    run: () => {
      const { keys } = certificates;
      const key = keys.generate();
      const request = certificateRequest("device-1", key, keys, text);
      const parts = new Der(request).enter(TAG.SEQUENCE);
      const info = parts.whole(TAG.SEQUENCE);
      parts.skip(TAG.SEQUENCE);
      equal(keys.verify(pointOf(key), info, parts.take(TAG.BIT_STRING).subarray(1)), true);
      refused("invalid-argument", () => keys.sign(key.subarray(1), info));
    },
  },
  {
    name: "certificate: TLS takes roots that were delivered, and refuses what is no certificate",
    run: () => {
      equal(certificates.roots().length, TRUSTED_ROOTS.length);
      const options = certificates.transportOptions({
        roots: { id: "1", read: () => [roots()[0] as Uint8Array] },
      });
      holds("tls" in options, "TLS of its own");
    },
  },
  {
    name: "certificate: its features are there",
    run: () => {
      new IssuedCertificate();
      new SignedRoots();
      refused("invalid-argument", () => new SignedRoots({ publicKey: "no key" }));
    },
  },
];
