// SPDX-License-Identifier: MIT
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  type KeyType,
  thumbprintsOf,
} from "../emulator/certificates";
import { onlyCertificateOf } from "../factory/certificates";
import { stemOf } from "../factory/file-stem";
import { privateKeyIn } from "../hosts/node/credentials";
import { makeDirectory } from "../hosts/node/durable-file";
import { readHandedOver } from "../hosts/node/handed-over";
import { BerthError } from "../src/error";

/** What to make. */
export interface CertificatesRequest {
  readonly registrationId: string;
  readonly groupId: string;
  readonly directory: string;
  /** Validity of the device's certificate. */
  readonly days: number;
  readonly keyType: KeyType;
}

/** A file of the set. */
export interface CertificateFile {
  readonly what: string;
  readonly path: string;
  /** False when it was there and is used again. */
  readonly made: boolean;
}

/**
 * Makes the test root, the intermediate, the device's certificate (followed by the intermediate) and the two
 * enrollments for it, individual and group, in the field names of Azure's service API.
 * No file is ever overwritten, and where one cannot be written none is left behind.
 * @throws BerthError `invalid-argument` when a file of the device is there, or half of a pair is missing; the
 *   file system's error, which names the file
 */
export async function makeCertificates(request: CertificatesRequest): Promise<CertificateFile[]> {
  const directory = resolve(request.directory);
  const { registrationId, groupId, keyType } = request;
  const stem = stemOf(registrationId);
  if (/^(root|intermediate)(\.key)?$/i.test(stem)) {
    throw new BerthError(
      "invalid-argument",
      `the files of "${stem}" would be those of the authority; take another id`,
    );
  }
  const paths = {
    certificate: join(directory, `${stem}.pem`),
    key: join(directory, `${stem}.key.pem`),
    individual: join(directory, `${stem}.enrollment.json`),
    group: join(directory, `${stemOf(groupId)}.group.json`),
  };
  for (const path of [paths.certificate, paths.key, paths.individual]) {
    if (existsSync(path)) {
      throw new BerthError(
        "invalid-argument",
        `${path} is there already; move it away or take another --directory`,
      );
    }
  }
  makeDirectory(directory);
  const root = await keep(directory, "root", () =>
    createRootCertificate({ commonName: "Berth test root", keyType, days: 3650 }),
  );
  const intermediate = await keep(directory, "intermediate", () =>
    createIntermediateCertificate({ commonName: "Berth test intermediate", keyType, days: 1825 }, root.pair),
  );
  const device = await createDeviceCertificate(
    { commonName: registrationId, keyType, days: request.days },
    intermediate.pair,
  );
  const chain = `${device.certificatePem}${intermediate.pair.certificatePem}`;
  const groupMade = !existsSync(paths.group);
  writeAllNew([
    [paths.key, device.privateKeyPem, 0o600],
    [paths.certificate, chain],
    [paths.individual, json(individualEnrollment(registrationId, device.certificatePem))],
    ...(groupMade
      ? [[paths.group, json(enrollmentGroup(groupId, intermediate.pair.certificatePem))] as NewFile]
      : []),
  ]);
  return [
    { what: "test root, with its key beside it", path: root.path, made: root.made },
    { what: "intermediate, with its key beside it", path: intermediate.path, made: intermediate.made },
    { what: "the device's certificate and the intermediate: --cert", path: paths.certificate, made: true },
    { what: "the device's private key: --key", path: paths.key, made: true },
    { what: "individual enrollment of the device", path: paths.individual, made: true },
    { what: "enrollment group of all devices under the intermediate", path: paths.group, made: groupMade },
  ];
}

/** An individual enrollment of DPS for one certificate ("individualEnrollments" of Azure's service API). */
export function individualEnrollment(registrationId: string, certificatePem: string): object {
  const info = thumbprintsOf(certificatePem);
  return {
    registrationId,
    deviceId: registrationId,
    attestation: {
      type: "x509",
      x509: { clientCertificates: { primary: { certificate: certificatePem, info } } },
    },
    provisioningStatus: "enabled",
  };
}

/** An enrollment group of DPS for all certificates under one ("enrollmentGroups" of Azure's service API). */
export function enrollmentGroup(enrollmentGroupId: string, signingCertificatePem: string): object {
  return {
    enrollmentGroupId,
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: signingCertificatePem } } },
    },
    provisioningStatus: "enabled",
  };
}

async function keep(
  directory: string,
  name: string,
  make: () => Promise<CertificateAndKey>,
): Promise<{ pair: CertificateAndKey; path: string; made: boolean }> {
  const path = join(directory, `${name}.pem`);
  const keyPath = join(directory, `${name}.key.pem`);
  if (existsSync(path) !== existsSync(keyPath)) {
    const [there, missing] = existsSync(path) ? [path, keyPath] : [keyPath, path];
    throw new BerthError(
      "invalid-argument",
      `${there} is there, but ${missing} is not; move it away or restore the pair`,
    );
  }
  if (existsSync(path)) {
    return { pair: kept(path, keyPath), path, made: false };
  }
  const pair = await make();
  writeAllNew([
    [keyPath, pair.privateKeyPem, 0o600],
    [path, pair.certificatePem],
  ]);
  return { pair, path, made: true };
}

/** A pair that is there; it may be of another program's. */
function kept(path: string, keyPath: string): CertificateAndKey {
  const certificate = onlyCertificateOf(path);
  const key = privateKeyIn(readHandedOver(keyPath), keyPath);
  if (!certificate.checkPrivateKey(key)) {
    throw new BerthError(
      "invalid-argument",
      `${keyPath} is not the private key of ${path}; restore the pair`,
    );
  }
  return {
    certificatePem: certificate.toString(),
    privateKeyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

type NewFile = readonly [path: string, content: string, mode?: number];

/** As `writeNew`, all or none. */
function writeAllNew(files: readonly NewFile[]): void {
  const made: string[] = [];
  try {
    for (const [path, content, mode] of files) {
      writeNew(path, content, mode);
      made.push(path);
    }
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    throw error;
  }
}

/**
 * Writes a file that is not there yet; what is there is never touched.
 * @throws the file system's error, which names the file; nothing is left behind then
 */
export function writeNew(path: string, content: string, mode = 0o600): void {
  const descriptor = openSync(path, "wx", mode);
  try {
    const bytes = Buffer.from(content);
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    // An error of a descriptor has no path.
    throw Object.assign(error as Error, { path });
  } finally {
    closeSync(descriptor);
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
