// SPDX-License-Identifier: MIT
/** With what a device proves who it is: a symmetric key, in flash or in eFuse, or a certificate. */
import { createHash, createPrivateKey, type X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { IDENTITY_KEYS } from "../hosts/moddable/device-identity";
import { leafFirst } from "../hosts/node/credentials";
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import { deriveDeviceKey } from "../src/azure/sas";
import { symmetricKeyBytes } from "../src/azure/symmetric-key";
import { BerthError } from "../src/error";
import type { Cells } from "./cells";
import {
  checkDeviceCertificate,
  checkIssuer,
  fingerprintOf,
  nameProblem,
  onlyCertificateOf,
  readCertificates,
  readPrivateKey,
} from "./certificates";
import { efuseKey } from "./efuse";
import { stemOf } from "./file-stem";
import type { NvsValue } from "./nvs-values";

/** Of SHA-256; Azure's longest key fills it. */
const HMAC_BLOCK = 64;

/** Where rows without a proof of their own get one. */
export interface ProofSources {
  /** Key of an enrollment group, base64: the device's key is derived from it. */
  readonly groupKey: string | undefined;
  /** Directory with ID.pem and ID.key.pem, as `berth identity certificates` names them. */
  readonly certificates: string | undefined;
  /** Milliseconds since 1970, by which certificates are judged. */
  readonly now: number;
}

export interface Proof {
  readonly attestation: "symmetricKey" | "x509";
  readonly values: readonly NvsValue[];
  /** The 32 bytes for the KEY block of eFuse, when the key goes there. */
  readonly efuseKey?: Uint8Array | undefined;
  /** Tells the secret from that of another device; a derived key cannot be another's. */
  readonly secret?: string | undefined;
}

/**
 * The proof of a row.
 * @param block KEY block of eFuse that has the symmetric key, or is to get it
 * @returns undefined with a problem noted
 */
export function proofOf(
  cells: Cells,
  registrationId: string,
  block: number | undefined,
  sources: ProofSources,
): Proof | undefined {
  const symmetricKey = cells.word(IDENTITY_KEYS.symmetricKey);
  const certificate = cells.file(IDENTITY_KEYS.certificate);
  const clientKey = cells.file(IDENTITY_KEYS.clientKey);
  const issuer = cells.file(IDENTITY_KEYS.issuer);
  if (certificate !== undefined || clientKey !== undefined || issuer !== undefined) {
    if (symmetricKey !== undefined)
      return cells.refuse("a symmetric key and a certificate; give one of them");
    if (block !== undefined)
      return cells.refuse("a certificate and an eFuse block, which is for a symmetric key; give one of them");
    if (certificate === undefined || clientKey === undefined)
      return cells.refuse("certificate and clientKey belong together; give both");
    return certificateProof(cells, registrationId, { certificate, clientKey, issuer }, sources.now);
  }
  if (symmetricKey !== undefined) return keyProof(cells, symmetricKey, block);
  if (sources.groupKey !== undefined) {
    if (registrationId !== registrationId.toLowerCase())
      cells.warn("the derived key depends on the upper case letters", IDENTITY_KEYS.registrationId);
    const key = deriveDeviceKey(registrationId, new NodeSigner(sources.groupKey), text);
    const proof = keyProof(cells, key, block);
    return proof && { ...proof, secret: undefined };
  }
  if (block !== undefined) return { attestation: "symmetricKey", values: [] };
  if (sources.certificates === undefined) {
    return cells.refuse(
      "it has nothing to prove itself with; fill symmetricKey, or certificate and clientKey, or efuseBlock, or give --group-key-file or --certificates",
    );
  }
  const stem = join(sources.certificates, stemOf(registrationId));
  const files = { certificate: `${stem}.pem`, clientKey: `${stem}.key.pem`, issuer: undefined };
  const missing = [files.certificate, files.clientKey].find((file) => !existsSync(file));
  if (missing !== undefined) return cells.refuse(`--certificates has no ${basename(missing)}`);
  return certificateProof(cells, registrationId, files, sources.now);
}

function keyProof(cells: Cells, symmetricKey: string, block: number | undefined): Proof | undefined {
  return cells.attempt(IDENTITY_KEYS.symmetricKey, () => {
    const proof = { attestation: "symmetricKey" as const, secret: digestOf(symmetricKey) };
    if (block !== undefined) return { ...proof, values: [], efuseKey: efuseKey(symmetricKey) };
    const value = { key: IDENTITY_KEYS.symmetricKey, type: "string" as const, value: symmetricKey };
    return { ...proof, values: [value] };
  });
}

/**
 * Of the bytes that HMAC uses: some keys have several spellings in base64 (RFC 4648, section 3.5), and a shorter key is
 * filled with zeros (RFC 2104, section 2).
 */
function digestOf(symmetricKey: string): string {
  const bytes = symmetricKeyBytes(symmetricKey);
  const block = Buffer.alloc(HMAC_BLOCK);
  block.set(bytes);
  const digest = createHash("sha256").update(block).digest("hex");
  bytes.fill(0);
  block.fill(0);
  return digest;
}

interface ProofFiles {
  readonly certificate: string;
  readonly clientKey: string;
  readonly issuer: string | undefined;
}

function certificateProof(
  cells: Cells,
  registrationId: string,
  files: ProofFiles,
  now: number,
): Proof | undefined {
  const chain = cells.attempt(IDENTITY_KEYS.certificate, () => readCertificates(files.certificate));
  const key = cells.attempt(IDENTITY_KEYS.clientKey, () => readPrivateKey(files.clientKey));
  const { issuer: issuerFile } = files;
  const apart =
    issuerFile === undefined
      ? undefined
      : cells.attempt(IDENTITY_KEYS.issuer, () => onlyCertificateOf(issuerFile));
  if (chain === undefined || key === undefined || (issuerFile !== undefined && apart === undefined))
    return undefined;
  const [certificate, ...others] = leafFirst(
    chain,
    createPrivateKey({ key, format: "der", type: "pkcs8" }),
  ) as [X509Certificate, ...X509Certificate[]];
  return cells.attempt(IDENTITY_KEYS.certificate, () => {
    checkDeviceCertificate(certificate, key, registrationId, now);
    const name = nameProblem(certificate, registrationId);
    if (name !== undefined) cells.warn(name.about, IDENTITY_KEYS.certificate);
    const issuer = issuerOf(others, files.certificate, apart);
    if (issuer) checkIssuer(certificate, issuer, now);
    for (const one of [certificate, issuer])
      if (one && Date.parse(one.validFrom) > now)
        cells.warn(
          `${one === issuer ? "its issuer's" : "it"} is not valid before ${one.validFrom}`,
          IDENTITY_KEYS.certificate,
        );
    const values: NvsValue[] = [
      { key: IDENTITY_KEYS.certificate, type: "blob", value: certificate.raw },
      ...(issuer ? [{ key: IDENTITY_KEYS.issuer, type: "blob" as const, value: issuer.raw }] : []),
      { key: IDENTITY_KEYS.clientKey, type: "blob", value: key },
    ];
    return { attestation: "x509" as const, values, secret: fingerprintOf(key) };
  });
}

/** The certificate that the device sends behind its own. @param others in its file @param apart in one of its own */
function issuerOf(
  others: readonly X509Certificate[],
  file: string,
  apart: X509Certificate | undefined,
): X509Certificate | undefined {
  // A root is not sent: DPS has it.
  const sent = others.filter((certificate) => !certificate.checkIssued(certificate));
  if (sent.length > 1) throw wrong(`${file} holds ${sent.length} intermediates; the device sends one`);
  if (apart && sent.length > 0)
    throw wrong(`the issuer is in ${file} already; leave the column issuer empty`);
  return apart ?? sent[0];
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
