// SPDX-License-Identifier: MIT
/** Reads certificates and private keys, PEM or DER, and checks that a device can use them. RFC 5280. */
import "reflect-metadata";
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { X509Certificate as ParsedCertificate } from "@peculiar/x509";
import { pemCertificates } from "../hosts/node/roots";
import { BerthError } from "../src/error";

/** What TLS on the chip can use; see hosts/native/README.md. */
const CURVES = ["prime256v1", "secp384r1"];
const SHORTEST_RSA = 2048;
/** id-kp-clientAuth, RFC 5280 section 4.2.1.12. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * The certificates of a file: all of a PEM file in their order, or the one of a DER file.
 * @throws BerthError `invalid-argument` naming the file, unless it cannot be read
 */
export function readCertificates(file: string): readonly X509Certificate[] {
  const bytes = read(file);
  const pem = pemCertificates(bytes.toString("latin1"));
  try {
    return (pem.length > 0 ? pem : [bytes]).map((one) => new X509Certificate(one));
  } catch {
    throw wrong(`${file} holds no X.509 certificate in PEM or DER`);
  }
}

/**
 * The certificate of a file that holds one.
 * @throws BerthError as `readCertificates`, or when it holds several
 */
export function onlyCertificateOf(file: string): X509Certificate {
  const certificates = readCertificates(file);
  const [certificate] = certificates;
  if (certificate === undefined || certificates.length > 1) {
    throw wrong(`${file} holds ${certificates.length} certificates, not one`);
  }
  return certificate;
}

/**
 * A private key as the device takes it.
 * @returns PKCS#8, DER
 * @throws BerthError `invalid-argument`: it cannot be read, or, naming it: no key, an encrypted one, or one of a kind
 *   that TLS on the chip cannot use
 */
export function readPrivateKey(file: string): Buffer {
  const key = parseKey(read(file), file);
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const usable =
    (key.asymmetricKeyType === "rsa" && modulusLength >= SHORTEST_RSA) ||
    (key.asymmetricKeyType === "ec" && CURVES.includes(namedCurve));
  if (!usable) {
    throw wrong(`${file} is a key that the device cannot use; take EC P-256, P-384, or RSA from 2,048 bits`);
  }
  return key.export({ type: "pkcs8", format: "der" });
}

function parseKey(bytes: Buffer, file: string): KeyObject {
  const asText = bytes.toString("latin1");
  if (asText.includes("ENCRYPTED")) {
    throw wrong(`${file} is encrypted; write it out with: openssl pkey -in ${file} -out FILE`);
  }
  const forms = asText.includes("-----BEGIN")
    ? [{ key: bytes, format: "pem" as const }]
    : (["pkcs8", "pkcs1", "sec1"] as const).map((type) => ({ key: bytes, format: "der" as const, type }));
  for (const form of forms) {
    try {
      return createPrivateKey(form);
    } catch {
      // The next form; the message of OpenSSL says nothing that helps.
    }
  }
  throw wrong(`${file} holds no private key in PEM or DER`);
}

/** The common name of the subject, which DPS compares with the registration id; undefined unless there is one. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  const names = new ParsedCertificate(certificate.raw).subjectName.getField("CN");
  return names.length === 1 ? names[0] : undefined;
}

/** Tells one key pair from another. @param key PKCS#8, DER */
export function fingerprintOf(key: Buffer): string {
  const pair = createPublicKey(createPrivateKey({ key, format: "der", type: "pkcs8" }));
  return createHash("sha256")
    .update(pair.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/**
 * Checks that a certificate is the device's: its common name, its key, its dates, its purpose.
 * @param key PKCS#8, DER
 * @param now milliseconds since 1970
 * @throws BerthError `invalid-argument`
 */
export function checkDeviceCertificate(
  certificate: X509Certificate,
  key: Buffer,
  registrationId: string,
  now: number,
): void {
  const name = commonNameOf(certificate);
  if (name !== registrationId) {
    throw wrong(`the certificate is for "${name ?? "nobody"}"; DPS wants the registration id as common name`);
  }
  if (!certificate.checkPrivateKey(createPrivateKey({ key, format: "der", type: "pkcs8" }))) {
    throw wrong("the private key is not that of the certificate");
  }
  checkDates("certificate", certificate, now);
  // Node calls the extended key usage keyUsage; without the extension every purpose is allowed.
  const purposes = certificate.keyUsage as readonly string[] | undefined;
  if (purposes !== undefined && !purposes.includes(CLIENT_AUTH)) {
    throw wrong("the certificate's extended key usage does not allow client authentication");
  }
}

/**
 * Checks that `issuer` issued `certificate`.
 * @throws BerthError `invalid-argument`
 */
export function checkIssuer(certificate: X509Certificate, issuer: X509Certificate, now: number): void {
  const issued = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  if (!issued || !issuer.ca) throw wrong("the issuer's certificate did not issue the device's");
  checkDates("issuer's certificate", issuer, now);
}

/**
 * Checks that `root` can be trusted as one.
 * @throws BerthError `invalid-argument`
 */
export function checkRoot(root: X509Certificate, now: number): void {
  if (!root.ca || !root.checkIssued(root)) throw wrong("the root is no self-signed authority");
  checkDates("root", root, now);
}

function checkDates(what: string, certificate: X509Certificate, now: number): void {
  if (Date.parse(certificate.validTo) < now) throw wrong(`the ${what} has expired (${certificate.validTo})`);
}

/** What names no file may be a key that went into the wrong cell, so it is not shown. */
function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw wrong(`the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
