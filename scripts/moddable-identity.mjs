// SPDX-License-Identifier: MIT
/** The identity file of `npm run sim -- --identity FILE`. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Who the simulated device is: the fields of an identity file. Certificates and keys are files in PEM, their paths
 * relative to the identity file.
 * @typedef {object} IdentityFile
 * @property {string} idScope
 * @property {string} registrationId
 * @property {string} [symmetricKey] base64
 * @property {string} [certificate] PEM; more than one certificate: leaf first
 * @property {string} [clientKey] PEM
 * @property {string} [root] PEM of a root of one's own
 */

const FIELDS = ["idScope", "registrationId", "symmetricKey", "certificate", "clientKey", "root"];

/**
 * Reads an identity file.
 * @param {string} file
 * @returns {Record<string, string | Uint8Array>} the values of the domain `berth-id`
 * @throws Error that names the file and the field; never a value of a key
 */
export function readIdentity(file) {
  const json = fieldsOf(file);
  const pem = (/** @type {string} */ field, /** @type {string} */ name) =>
    contentOf(resolve(dirname(file), name), `${field} of ${file}`);
  /** @type {Record<string, string | Uint8Array>} */
  const values = { idScope: json.idScope, registrationId: json.registrationId };
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

/** @param {string} file @returns {IdentityFile} */
function fieldsOf(file) {
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
  const has = (/** @type {string} */ field) => json[field] !== undefined;
  const missing = ["idScope", "registrationId"].filter((field) => !has(field));
  if (missing.length > 0) throw new Error(`--identity: ${file} has no ${missing.join(" and no ")}`);
  if (
    has("symmetricKey") ? has("certificate") || has("clientKey") : !has("certificate") || !has("clientKey")
  ) {
    throw new Error(`--identity: ${file} needs either symmetricKey or certificate and clientKey`);
  }
  return /** @type {IdentityFile} */ (/** @type {unknown} */ (json));
}

/** @param {string} text @returns {Record<string, unknown> | undefined} */
function objectIn(text) {
  try {
    const json = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    // Its message quotes the text, which may be a key.
    return undefined;
  }
}

/** @param {string} file @param {string} what @returns {string} */
function contentOf(file, what) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new Error(`${what}: ${code === "ENOENT" ? `there is no file ${file}` : message}`);
  }
}

/** @param {string} pem @param {string} what @returns {[Uint8Array, ...Uint8Array[]]} DER */
function certificatesIn(pem, what) {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block).raw);
    if (first) return [first, ...others];
  } catch {
    // Said below.
  }
  throw new Error(`${what}: the file holds no certificate in PEM`);
}

/** @param {string} pem @param {string} what @returns {Uint8Array} PKCS#8, DER */
function privateKeyIn(pem, what) {
  try {
    return createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  } catch {
    throw new Error(`${what}: the file holds no private key in PEM without a passphrase`);
  }
}
