// SPDX-License-Identifier: MIT
/** Reads certificates and private keys, PEM or DER, and checks that a device can use them. RFC 5280. */
import "reflect-metadata";
import { createHash, createPrivateKey, createPublicKey, type X509Certificate } from "node:crypto";
import { X509Certificate as ParsedCertificate } from "@peculiar/x509";
import { certificatesIn, privateKeyIn } from "../hosts/node/credentials";
import { readHandedOver } from "../hosts/node/handed-over";
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
  return certificatesIn(read(file), file);
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
  const key = privateKeyIn(read(file), file);
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const usable =
    (key.asymmetricKeyType === "rsa" && modulusLength >= SHORTEST_RSA) ||
    (key.asymmetricKeyType === "ec" && CURVES.includes(namedCurve));
  if (!usable) {
    throw wrong(`${file} is a key that the device cannot use; take EC P-256, P-384, or RSA from 2,048 bits`);
  }
  return key.export({ type: "pkcs8", format: "der" });
}

/** The common name of the subject, which DPS compares with the registration id; undefined unless there is one. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  const names = new ParsedCertificate(certificate.raw).subjectName.getField("CN");
  return names.length === 1 ? names[0] : undefined;
}

/** How the common name of a certificate differs from the registration id. */
export interface NameProblem {
  /** In case only: no reason to refuse it. */
  readonly caseOnly: boolean;
  readonly about: string;
}

/** Undefined when `certificate` is for `registrationId`, letter by letter. */
export function nameProblem(certificate: X509Certificate, registrationId: string): NameProblem | undefined {
  const name = commonNameOf(certificate);
  if (name === registrationId) return undefined;
  if (name?.toLowerCase() === registrationId.toLowerCase()) {
    const about = `the certificate is for "${name}", which differs from "${registrationId}" in case; DPS takes that now, but refused upper case in reports of 2018 and 2020: lower case in both is safe`;
    return { caseOnly: true, about };
  }
  const about = `the certificate is for "${name ?? "nobody"}", not for "${registrationId}"; DPS wants the registration id as common name`;
  return { caseOnly: false, about };
}

/** Tells one key pair from another. @param key PKCS#8, DER */
export function fingerprintOf(key: Buffer): string {
  const pair = createPublicKey(createPrivateKey({ key, format: "der", type: "pkcs8" }));
  return createHash("sha256")
    .update(pair.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/**
 * Checks that a certificate is the device's: its common name (but for its case), its key, its dates, its purpose.
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
  const name = nameProblem(certificate, registrationId);
  if (name !== undefined && !name.caseOnly) throw wrong(name.about);
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
    return readHandedOver(file);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw wrong(`the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
