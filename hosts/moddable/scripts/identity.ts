// SPDX-License-Identifier: MIT
/** The identity file of `npm run sim -- --identity FILE`. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Who the simulated device is: the fields of an identity file. Certificates and keys are files in PEM, their paths
 * relative to the identity file.
 */
export interface IdentityFile {
  readonly idScope: string;
  readonly registrationId: string;
  /** Base64 */
  readonly symmetricKey?: string;
  /** PEM; more than one certificate: leaf first */
  readonly certificate?: string;
  /** PEM */
  readonly clientKey?: string;
  /** PEM of a root of one's own */
  readonly root?: string;
}

const FIELDS = ["idScope", "registrationId", "symmetricKey", "certificate", "clientKey", "root"];

/**
 * Reads an identity file.
 * @returns the values of the domain `berth-id`
 * @throws Error that names the file and the field; never a value of a key
 */
export function readIdentity(file: string): Record<string, string | Uint8Array> {
  const json = fieldsOf(file);
  const pem = (field: string, name: string) => contentOf(resolve(dirname(file), name), `${field} of ${file}`);
  const values: Record<string, string | Uint8Array> = {
    idScope: json.idScope,
    registrationId: json.registrationId,
  };
  if (json.symmetricKey !== undefined) values.symmetricKey = json.symmetricKey;
  if (json.certificate !== undefined) {
    const [leaf, issuer] = certificatesIn(pem("certificate", json.certificate), `certificate of ${file}`);
    values.certificate = leaf;
    if (issuer) values.issuer = issuer;
  }
  if (json.clientKey !== undefined) {
    values.clientKey = privateKeyIn(pem("clientKey", json.clientKey), `clientKey of ${file}`);
  }
  if (json.root !== undefined) {
    [values.root] = certificatesIn(pem("root", json.root), `root of ${file}`);
  }
  return values;
}

function fieldsOf(file: string): IdentityFile {
  const json = objectIn(contentOf(file, "--identity"));
  if (json === undefined) throw new Error(`--identity: ${file} is no JSON object`);
  for (const [field, value] of Object.entries(json)) {
    if (!FIELDS.includes(field)) {
      throw new Error(`--identity: ${file} has a field "${field}"; there are ${FIELDS.join(", ")}`);
    }
    if (typeof value !== "string" || value === "") {
      throw new Error(`--identity: ${field} of ${file} is no text or empty`);
    }
  }
  const has = (field: string) => json[field] !== undefined;
  const missing = ["idScope", "registrationId"].filter((field) => !has(field));
  if (missing.length > 0) throw new Error(`--identity: ${file} has no ${missing.join(" and no ")}`);
  if (
    has("symmetricKey") ? has("certificate") || has("clientKey") : !has("certificate") || !has("clientKey")
  ) {
    throw new Error(`--identity: ${file} needs either symmetricKey or certificate and clientKey`);
  }
  return json as unknown as IdentityFile;
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const json = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    // Its message quotes the text, which may be a key.
    return undefined;
  }
}

function contentOf(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${what}: ${code === "ENOENT" ? `there is no file ${file}` : message}`);
  }
}

/** @returns DER */
function certificatesIn(pem: string, what: string): [Uint8Array, ...Uint8Array[]] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block).raw);
    if (first) return [first, ...others];
  } catch {
    // Said below.
  }
  throw new Error(`${what}: the file holds no certificate in PEM`);
}

/** @returns PKCS#8, DER */
function privateKeyIn(pem: string, what: string): Uint8Array {
  try {
    return createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  } catch {
    throw new Error(`${what}: the file holds no private key in PEM without a passphrase`);
  }
}
