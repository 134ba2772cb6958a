// SPDX-License-Identifier: MIT
/** The identity file of `npm run sim -- --identity FILE`. */
import { dirname, resolve } from "node:path";
import { certificatesIn, leafFirst, privateKeyIn } from "../../node/credentials";
import { readHandedOver, textOf } from "../../node/handed-over";

/**
 * Who the simulated device is: the fields of an identity file. Certificates and keys are files in PEM or DER, their
 * paths relative to the identity file.
 */
export interface IdentityFile {
  readonly idScope: string;
  readonly registrationId: string;
  /** Base64 */
  readonly symmetricKey?: string;
  /** With its issuer, in any order */
  readonly certificate?: string;
  readonly clientKey?: string;
  /** A root of one's own */
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
  const read = <T>(field: string, name: string, take: (bytes: Uint8Array, path: string) => T) =>
    contentOf(`${field} of ${file}`, resolve(dirname(file), name), take);
  const values: Record<string, string | Uint8Array> = {
    idScope: json.idScope,
    registrationId: json.registrationId,
  };
  if (json.symmetricKey !== undefined) values.symmetricKey = json.symmetricKey;
  if (json.certificate !== undefined && json.clientKey !== undefined) {
    const { certificate, clientKey } = json;
    const chain = read("certificate", certificate, certificatesIn);
    const key = read("clientKey", clientKey, privateKeyIn);
    const [leaf, issuer] = leafFirst(chain, key);
    if (!leaf?.checkPrivateKey(key))
      throw new Error(
        `--identity: ${clientKey} is not the private key of ${certificate}; give the one of it`,
      );
    values.certificate = leaf.raw;
    if (issuer) values.issuer = issuer.raw;
    values.clientKey = key.export({ type: "pkcs8", format: "der" });
  }
  if (json.root !== undefined) {
    const [root] = read("root", json.root, certificatesIn);
    if (root) values.root = root.raw;
  }
  return values;
}

function fieldsOf(file: string): IdentityFile {
  const json = objectIn(contentOf("--identity", file, textOf));
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

/** What `take` makes of the bytes of `path`. @throws Error that begins with `what`, and names the file */
function contentOf<T>(what: string, path: string, take: (bytes: Uint8Array, path: string) => T): T {
  try {
    return take(readHandedOver(path), path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${what}: ${code === "ENOENT" ? `there is no file ${path}` : message}`);
  }
}
