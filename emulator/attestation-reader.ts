// SPDX-License-Identifier: MIT
/** The attestation of an enrollment: keys and certificates. */
import { X509Certificate } from "node:crypto";
import * as v from "valibot";
import { isJsonObject, maybe, object, oneOf, text, told } from "./shapes";
import { decodeKey } from "./shared-access-signature";

/** A symmetric key. It stays out of the message: errors end up in logs. */
export const KEY = v.pipe(
  text(128),
  v.check((key) => decodeKey(key) !== undefined, "must be 16 to 64 bytes in base64"),
);

/** `az iot dps enrollment show` and `enrollment-group show` print an enrollment without its keys. */
const KEYS = told(object({ primaryKey: KEY, secondaryKey: maybe(KEY) }), (value) =>
  (value ?? null) === null || (isJsonObject(value) && (value.primaryKey ?? null) === null)
    ? "has no primaryKey; az prints the keys with --show-keys only, so export the enrollment with it, or write a key here"
    : undefined,
);

/** A thumbprint, read into upper-case hexadecimal. @param digits of hexadecimal: 40 (SHA-1) or 64 (SHA-256) */
export function thumbprint(digits: number) {
  return v.pipe(
    text(256),
    v.transform((value) => value.replaceAll(/[:\s]/g, "").toUpperCase()),
    v.check(
      (value) => value.length === digits && /^[0-9A-F]+$/.test(value),
      `must be ${digits} hexadecimal digits`,
    ),
  );
}

/** PEM, or as Azure takes it too, base64 of DER. */
const CERTIFICATE_TEXT = v.pipe(
  text(64 * 1024),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    const message = problemOf(value);
    if (message === undefined) {
      try {
        return new X509Certificate(value.includes("-----") ? value : Buffer.from(value, "base64")).toString();
      } catch {
        // Said below.
      }
    }
    addIssue({ message: message ?? "is not an X.509 certificate; give it in PEM" });
    return NEVER;
  }),
);

function problemOf(certificate: string): string | undefined {
  const count = certificate.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (count > 1) return `holds ${count} certificates; leave the one that the enrollment is about`;
  if (count === 0 && certificate.includes("PRIVATE KEY-----"))
    return "is a private key, which nobody but the device may have; give its certificate";
  return undefined;
}

const WHOLE_CERTIFICATE = object({ certificate: CERTIFICATE_TEXT }, ["info"]);
const THUMBPRINTS = object({
  info: v.pipe(
    object({ sha1Thumbprint: maybe(thumbprint(40)), sha256Thumbprint: maybe(thumbprint(64)) }, "all"),
    v.check(
      (info) => info.sha1Thumbprint !== undefined || info.sha256Thumbprint !== undefined,
      "needs sha256Thumbprint or sha1Thumbprint",
    ),
  ),
});
const CERTIFICATE_UNION = v.union([WHOLE_CERTIFICATE, THUMBPRINTS]);
const CERTIFICATE = told(
  {
    ...CERTIFICATE_UNION,
    // Not the first that fits, but the one that is meant: its errors have their place.
    "~run": (dataset, config) =>
      (isJsonObject(dataset.value) && (dataset.value.certificate ?? null) !== null
        ? WHOLE_CERTIFICATE
        : THUMBPRINTS)["~run"](dataset, config),
  } as typeof CERTIFICATE_UNION,
  (value) =>
    isJsonObject(value) && (value.certificate ?? null) === null && (value.info ?? null) === null
      ? "needs `certificate` in PEM, or `info` with a thumbprint"
      : undefined,
);
const PAIR = object({ primary: CERTIFICATE, secondary: maybe(CERTIFICATE) });

/** `attestation`. */
export const ATTESTATION = oneOf(
  "type",
  ["symmetricKey", "x509"],
  [
    object({ type: v.literal("symmetricKey"), symmetricKey: KEYS }, ["x509", "tpm"]),
    object(
      {
        type: v.literal("x509"),
        x509: object({ clientCertificates: maybe(PAIR), signingCertificates: maybe(PAIR) }, ["caReferences"]),
      },
      ["symmetricKey", "tpm"],
    ),
  ],
);
