// SPDX-License-Identifier: MIT
/**
 * The emulator's own CA, kept in a directory: root -> intermediate -> server leaf, all RSA with 2048 bits.
 * Moddable's TLS wants two certificates or more from a server and shares only RSA suites with Azure's strong list.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { lockDirectory } from "../hosts/node/directory-lock";
import { replaceDurably } from "../hosts/node/durable-file";
import { readHandedOver, textOf } from "../hosts/node/handed-over";
import {
  type CertificateAndKey,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
} from "./certificates";

/** The host name of DPS, the same for every tenant. */
export const DPS_HOST = "global.azure-devices-provisioning.net";

/** Where services find DPS when the configuration names no host. */
export const DPS_SERVICE_HOST = "berth.azure-devices-provisioning.net";

/** What a TLS server needs, and what its clients must trust. */
export interface Authority {
  /** File of the root certificate, PEM. */
  rootPath: string;
  rootPem: string;
  /** Another root was there before, which could not be used any longer: what trusts that one must be told. */
  rootReplaced: boolean;
  /** Leaf followed by the intermediate, PEM: what the server sends. */
  serverChainPem: string;
  serverKeyPem: string;
  /** What issues servers' certificates. */
  intermediate: CertificateAndKey;
  /** The CA below the root that issues to devices. */
  issuing: CertificateAndKey;
}

/** Milliseconds that others may take to make the CA of a directory that is shared. */
const LONGEST_MAKING = 30_000;
/** A certificate this close to its end is made anew. */
const RENEW_BEFORE = 30 * 86_400_000;
/** Bytes of a file in PEM. */
const LARGEST = 1024 * 1024;

/**
 * Opens the CA in `directory`, making what is missing, near expiry, or made for other host names.
 * The root is kept as long as it is valid, so that what trusts it goes on working.
 * @param names host names beside that of DPS, `localhost`, 127.0.0.1 and ::1
 * @param now milliseconds since 1970
 * @throws when a file cannot be read or written; BerthError `invalid-argument` for one that is no text or over 1 MB;
 *   DirectoryInUse when another process makes one there, and does not end
 */
export async function openAuthority(
  directory: string,
  names: readonly string[],
  now: number,
): Promise<Authority> {
  // Several emulators may share a CA: the second waits until the first has made it.
  const lock = await lockDirectory(directory, LONGEST_MAKING);
  try {
    return await makeOrRead(directory, names, now);
  } finally {
    lock.release();
  }
}

async function makeOrRead(directory: string, names: readonly string[], now: number): Promise<Authority> {
  const root = await keep(directory, "root", now, [], () =>
    createRootCertificate({ commonName: "Berth emulator root", notBefore: new Date(now - 86_400_000) }),
  );
  const intermediate = await keep(directory, "intermediate", now, [root.value.certificatePem], () =>
    createIntermediateCertificate(
      { commonName: "Berth emulator intermediate", days: 1825, notBefore: new Date(now - 86_400_000) },
      root.value,
    ),
  );
  const issuing = await keep(directory, "devices", now, [root.value.certificatePem], () =>
    createIntermediateCertificate(
      {
        commonName: "Berth emulator device CA",
        keyType: "ec-p256",
        days: 1825,
        notBefore: new Date(now - 86_400_000),
      },
      root.value,
    ),
  );
  const all = [...new Set([DPS_HOST, "localhost", "127.0.0.1", "::1", ...names])];
  const dnsNames = all.filter((name) => isIP(name) === 0);
  const ipAddresses = all.filter((name) => isIP(name) !== 0);
  const server = await keep(
    directory,
    "server",
    now,
    [intermediate.value.certificatePem],
    () =>
      createServerCertificate(
        { commonName: DPS_HOST, dnsNames, ipAddresses, notBefore: new Date(now - 86_400_000) },
        intermediate.value,
      ),
    (leaf) =>
      dnsNames.every((name) => leaf.checkHost(name, { wildcards: false }) !== undefined) &&
      ipAddresses.every((address) => leaf.checkIP(address) !== undefined),
  );
  return {
    rootPath: root.path,
    rootPem: root.value.certificatePem,
    rootReplaced: root.replaced,
    serverChainPem: server.value.certificatePem + intermediate.value.certificatePem,
    serverKeyPem: server.value.privateKeyPem,
    intermediate: intermediate.value,
    issuing: issuing.value,
  };
}

async function keep(
  directory: string,
  name: string,
  now: number,
  issuers: string[],
  make: () => Promise<CertificateAndKey>,
  fits: (certificate: X509Certificate) => boolean = () => true,
): Promise<{ path: string; value: CertificateAndKey; replaced: boolean }> {
  const path = join(directory, `${name}.pem`);
  const keyPath = join(directory, `${name}.key.pem`);
  const stored = read(path, keyPath);
  if (stored) {
    const certificate = new X509Certificate(stored.certificatePem);
    const issued = issuers.every((issuer) => certificate.verify(new X509Certificate(issuer).publicKey));
    const fresh =
      Date.parse(certificate.validTo) - RENEW_BEFORE > now && Date.parse(certificate.validFrom) <= now;
    if (issued && fresh && fits(certificate)) {
      // A key that was copied about may have lost its mode.
      chmodSync(keyPath, 0o600);
      return { path, value: stored, replaced: false };
    }
  }
  const replaced = existsSync(path);
  const value = await make();
  replaceDurably(keyPath, Buffer.from(value.privateKeyPem));
  replaceDurably(path, Buffer.from(value.certificatePem));
  return { path, value, replaced };
}

/** The stored pair; undefined when there is none, or when a torn start left two halves that do not fit. */
function read(path: string, keyPath: string): CertificateAndKey | undefined {
  if (!existsSync(path) || !existsSync(keyPath)) return undefined;
  const pem = (file: string) => textOf(readHandedOver(file, LARGEST), file);
  const value = { certificatePem: pem(path), privateKeyPem: pem(keyPath) };
  try {
    const certificate = new X509Certificate(value.certificatePem);
    return certificate.checkPrivateKey(createPrivateKey(value.privateKeyPem)) ? value : undefined;
  } catch {
    return undefined;
  }
}
