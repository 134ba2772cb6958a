// SPDX-License-Identifier: MIT
/** Certificates and private keys as people have them in files: PEM, also in UTF-16 as PowerShell writes it, or DER. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { BerthError } from "../../src/error";
import { asciiOf } from "./handed-over";

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PEM_KEY = /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/;

/** The certificates in `text`, one an entry, each still in PEM. */
export function pemCertificates(text: string): string[] {
  return text.match(PEM_CERTIFICATE) ?? [];
}

/**
 * The certificates in `bytes`: all of PEM in their order, or the one of DER.
 * @throws BerthError `invalid-argument` naming `file`
 */
export function certificatesIn(bytes: Uint8Array, file: string): X509Certificate[] {
  const text = asciiOf(bytes);
  const pem = pemCertificates(text);
  if (pem.length === 0 && isPkcs12(bytes)) throw container(file);
  return (pem.length > 0 ? pem : [bytes]).map((one, at) => {
    try {
      return new X509Certificate(one);
    } catch {
      // What OpenSSL says does not help.
      if (pem.length > 0) throw wrong(`certificate ${at + 1} of ${file} is damaged; take a whole copy of it`);
      const instead = PEM_KEY.test(text) ? "; it holds a private key" : "";
      throw wrong(`${file} holds no X.509 certificate in PEM or DER${instead}`);
    }
  });
}

/**
 * The private key in `bytes`, PEM or DER.
 * @throws BerthError `invalid-argument` naming `file`: there is none, or it is encrypted, and how to write it out
 */
export function privateKeyIn(bytes: Uint8Array, file: string): KeyObject {
  const text = asciiOf(bytes);
  if (text.includes("-----BEGIN")) return pemKey(text, file);
  if (isPkcs12(bytes)) throw container(file);
  for (const type of ["pkcs8", "pkcs1", "sec1"] as const) {
    try {
      return createPrivateKey({ key: Buffer.from(bytes), format: "der", type });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_MISSING_PASSPHRASE") throw encrypted(file);
    }
  }
  throw wrong(`${file} holds no private key in PEM or DER`);
}

function pemKey(text: string, file: string): KeyObject {
  // PKCS#8 has it in the label, the older form (RFC 1421) in a header.
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text)) throw encrypted(file);
  try {
    return createPrivateKey(text);
  } catch {
    const instead =
      PEM_KEY.test(text) || pemCertificates(text).length === 0 ? "" : "; it holds a certificate";
    throw wrong(`${file} holds no private key in PEM or DER${instead}`);
  }
}

/**
 * `chain` with the certificate of `key` first and each one's issuer behind it, as TLS sends them (RFC 5246, section
 * 7.4.2), in whatever order a file has them; as it is when none is that of `key`.
 */
export function leafFirst(chain: readonly X509Certificate[], key: KeyObject): X509Certificate[] {
  const left = [...chain];
  const ordered: X509Certificate[] = [];
  let at = left.findIndex((certificate) => certificate.checkPrivateKey(key));
  while (at >= 0) {
    const [next] = left.splice(at, 1) as [X509Certificate];
    ordered.push(next);
    at = left.findIndex((issuer) => next.checkIssued(issuer));
  }
  return [...ordered, ...left];
}

/** PFX (RFC 7292, section 4): a SEQUENCE that begins with the version 3, which neither certificates nor keys do. */
function isPkcs12(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes;
  const at = length < 0x80 ? 2 : 2 + (length & 0x7f);
  return tag === 0x30 && [2, 1, 3].every((byte, offset) => bytes[at + offset] === byte);
}

function container(file: string): BerthError {
  return wrong(
    `${file} is PKCS#12 (.pfx, .p12), which holds certificate and key together; export both as PEM with openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem, guard that file, and give it as the certificate and as the key`,
  );
}

function encrypted(file: string): BerthError {
  return wrong(
    `${file} is encrypted, and a device has nobody to type the passphrase; write it out with openssl pkey -in ENCRYPTED -out PLAIN, and guard that file`,
  );
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}

/** A client certificate as TLS of Node takes it. */
export interface ClientPair {
  /** The same as `certificate`. */
  readonly chain: readonly X509Certificate[];
  /** In PEM, the leaf first. */
  readonly certificate: string;
  /** In PEM, PKCS#8. */
  readonly key: string;
}

/**
 * The certificate with its intermediates, in any order, and its private key, out of two files.
 * @throws BerthError `invalid-argument` that names the file which is wrong, or both when they do not fit
 */
export function clientPairIn(
  certificate: { readonly bytes: Uint8Array; readonly file: string },
  key: { readonly bytes: Uint8Array; readonly file: string },
): ClientPair {
  const privateKey = privateKeyIn(key.bytes, key.file);
  const chain = leafFirst(certificatesIn(certificate.bytes, certificate.file), privateKey);
  const [leaf] = chain;
  if (!leaf?.checkPrivateKey(privateKey)) {
    throw wrong(`${key.file} is not the private key of ${certificate.file}; give the one of it`);
  }
  return {
    chain,
    certificate: chain.map((one) => one.toString()).join(""),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
