// SPDX-License-Identifier: MIT
/** Checks the attestation of an enrollment: keys and certificates. Every function raises `DocumentError`. */
import { X509Certificate } from "node:crypto";
import type { Attestation, CertificatePair, EnrolledCertificate } from "./configuration";
import type { JsonReader } from "./json-reader";
import { decodeKey } from "./shared-access-signature";

/** So `az iot dps enrollment show` and `enrollment-group show` print an enrollment. */
const NO_KEYS =
  "has no primaryKey; az prints the keys with --show-keys only, so export the enrollment with it, or write a key here";

/** Reads `attestation`. */
export function readAttestation(node: JsonReader): Attestation {
  node.only(["type", "symmetricKey", "x509", "tpm"]);
  const type = node.get("type").choice(["symmetricKey", "x509"]);
  if (type === "symmetricKey") {
    const keys = node.get("symmetricKey");
    if (keys.missing || keys.only(["primaryKey", "secondaryKey"]).get("primaryKey").missing)
      keys.fail(NO_KEYS);
    const primaryKey = readKey(keys.get("primaryKey"));
    if (keys.get("secondaryKey").missing) return { type, symmetricKey: { primaryKey } };
    return { type, symmetricKey: { primaryKey, secondaryKey: readKey(keys.get("secondaryKey")) } };
  }
  const x509 = node.get("x509").only(["clientCertificates", "signingCertificates", "caReferences"]);
  const client = x509.get("clientCertificates");
  const signing = x509.get("signingCertificates");
  return {
    type,
    x509: {
      ...(client.missing ? {} : { clientCertificates: readPair(client) }),
      ...(signing.missing ? {} : { signingCertificates: readPair(signing) }),
    },
  };
}

function readKey(node: JsonReader): string {
  const key = node.string(128);
  // The key itself stays out of the message: errors end up in logs.
  if (!decodeKey(key)) node.fail("must be 16 to 64 bytes in base64");
  return key;
}

function readPair(node: JsonReader): CertificatePair {
  node.only(["primary", "secondary"]);
  const primary = readCertificate(node.get("primary"));
  return node.get("secondary").missing
    ? { primary }
    : { primary, secondary: readCertificate(node.get("secondary")) };
}

function readCertificate(node: JsonReader): EnrolledCertificate {
  node.only(["certificate", "info"]);
  const certificate = node.get("certificate");
  if (!certificate.missing) {
    const text = certificate.string(64 * 1024);
    const count = text.split("-----BEGIN CERTIFICATE-----").length - 1;
    if (count > 1)
      certificate.fail(`holds ${count} certificates; leave the one that the enrollment is about`);
    if (count === 0 && text.includes("PRIVATE KEY-----"))
      certificate.fail("is a private key, which nobody but the device may have; give its certificate");
    try {
      // Azure takes PEM and bare base64 of DER alike.
      return {
        certificate: new X509Certificate(
          text.includes("-----") ? text : Buffer.from(text, "base64"),
        ).toString(),
      };
    } catch {
      certificate.fail("is not an X.509 certificate; give it in PEM");
    }
  }
  const info = node.get("info");
  if (info.missing) node.fail("needs `certificate` in PEM, or `info` with a thumbprint");
  const sha1 = info.get("sha1Thumbprint");
  const sha256 = info.get("sha256Thumbprint");
  if (sha1.missing && sha256.missing) info.fail("needs sha256Thumbprint or sha1Thumbprint");
  return {
    info: {
      ...(sha1.missing ? {} : { sha1Thumbprint: readThumbprint(sha1, 40) }),
      ...(sha256.missing ? {} : { sha256Thumbprint: readThumbprint(sha256, 64) }),
    },
  };
}

function readThumbprint(node: JsonReader, digits: number): string {
  const thumbprint = node.string(256).replaceAll(/[:\s]/g, "").toUpperCase();
  if (thumbprint.length !== digits || !/^[0-9A-F]+$/.test(thumbprint))
    node.fail(`must be ${digits} hexadecimal digits`);
  return thumbprint;
}
