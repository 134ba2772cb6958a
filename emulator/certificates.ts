// SPDX-License-Identifier: MIT
/** Makes X.509 certificates for the emulator, for test devices and for `berth identity`. RFC 5280. */
import "reflect-metadata";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  Pkcs10CertificateRequest,
  X509Certificate as ParsedCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { systemClock } from "./clock";

/** RSA with 2048 bits, or the curve P-256. */
export type KeyType = "rsa-2048" | "ec-p256";

/** A certificate with its key. The key is PKCS#8, which Moddable's TLS and Node.js both read. */
export interface CertificateAndKey {
  certificatePem: string;
  privateKeyPem: string;
}

/** What to put into a certificate. */
export interface CertificateOptions {
  /** Subject common name. For a device this is its registration id (DPS compares the two). */
  commonName: string;
  /** The subject's key; RSA by default. */
  keyType?: KeyType;
  /** Days of validity from `notBefore`; 365 by default, 3650 for a root. */
  days?: number;
  /** Start of validity; an hour ago by default, because clocks differ. Dates in the past or future make test cases. */
  notBefore?: Date;
  /** An existing key to certify, PKCS#8 PEM; a new one is made when absent. */
  privateKeyPem?: string;
}

/** A leaf for a TLS server. */
export interface ServerCertificateOptions extends CertificateOptions {
  /** DNS names of the subject alternative name. */
  dnsNames: readonly string[];
  /** IP addresses of the subject alternative name. */
  ipAddresses?: readonly string[];
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A self-signed root. @throws when a given key is not PKCS#8 PEM of the key type. */
export async function createRootCertificate(options: CertificateOptions): Promise<CertificateAndKey> {
  return issue({ days: 3650, ...options }, undefined, [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]);
}

/** A CA below `issuer`. `pathLength` is the number of CAs that may follow; 0 by default. */
export async function createIntermediateCertificate(
  options: CertificateOptions & { pathLength?: number },
  issuer: CertificateAndKey,
): Promise<CertificateAndKey> {
  return issue(options, issuer, [
    new BasicConstraintsExtension(true, options.pathLength ?? 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]);
}

/** A device's leaf (client authentication), signed by `issuer` or by itself when there is none. */
export async function createDeviceCertificate(
  options: CertificateOptions,
  issuer?: CertificateAndKey,
): Promise<CertificateAndKey> {
  return issue(options, issuer, LEAF_FOR_CLIENTS());
}

const LEAF_FOR_CLIENTS = (): Extension[] => [
  new BasicConstraintsExtension(false, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
];

/** A TLS server's leaf, signed by `issuer`. */
export async function createServerCertificate(
  options: ServerCertificateOptions,
  issuer: CertificateAndKey,
): Promise<CertificateAndKey> {
  return issue(options, issuer, [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([
      ...options.dnsNames.map((value) => ({ type: "dns" as const, value })),
      ...(options.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
    ]),
  ]);
}

/**
 * A device's leaf for the key of a request (PKCS #10, DER), in PEM.
 * @param now, notAfter milliseconds since 1970
 * @throws Error that says what is wrong with the request
 */
export async function certifyRequest(
  request: Buffer,
  commonName: string,
  issuer: CertificateAndKey,
  now: number,
  notAfter: number,
): Promise<string> {
  let parsed: Pkcs10CertificateRequest;
  let holds: boolean;
  try {
    parsed = new Pkcs10CertificateRequest(request);
    holds = await parsed.verify();
  } catch {
    throw new Error("csr is no request for a certificate (PKCS #10 in DER, base64)");
  }
  if (!holds) throw new Error("csr is not signed with its own key");
  const [name = ""] = parsed.subjectName.getField("CN");
  if (name.toLowerCase() !== commonName.toLowerCase())
    throw new Error(`csr is for another common name than ${commonName}`);
  const dates = { notBefore: new Date(now), notAfter: new Date(notAfter) };
  return sign(name, await parsed.publicKey.export(), dates, issuer, LEAF_FOR_CLIENTS());
}

/** Thumbprints of a certificate (PEM or DER) as Azure shows them: upper-case hexadecimal, no separators. */
export function thumbprintsOf(certificate: string | Buffer): {
  sha1Thumbprint: string;
  sha256Thumbprint: string;
} {
  const der = new X509Certificate(certificate).raw;
  const digest = (algorithm: string) => createHash(algorithm).update(der).digest("hex").toUpperCase();
  return { sha1Thumbprint: digest("sha1"), sha256Thumbprint: digest("sha256") };
}

/** How many CAs may follow below a CA (DER), RFC 5280 section 4.2.1.9; undefined for any number. */
export function pathLengthOf(der: Buffer): number | undefined {
  return new ParsedCertificate(der).getExtension(BasicConstraintsExtension)?.pathLength;
}

interface KeyPair {
  publicKey: webcrypto.CryptoKey;
  privateKey: webcrypto.CryptoKey;
}

const PARAMETERS = {
  "ec-p256": { key: { name: "ECDSA", namedCurve: "P-256" }, signing: { name: "ECDSA", hash: "SHA-256" } },
  "rsa-2048": {
    key: {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    signing: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  },
};

async function issue(
  options: CertificateOptions,
  issuer: CertificateAndKey | undefined,
  extensions: Extension[],
): Promise<CertificateAndKey> {
  const keys = options.privateKeyPem
    ? await importKeys(options.privateKeyPem)
    : await generateKeys(options.keyType);
  const notBefore = options.notBefore ?? new Date(systemClock.now() - HOUR);
  const dates = { notBefore, notAfter: new Date(notBefore.getTime() + (options.days ?? 365) * DAY) };
  const certificatePem = await sign(
    options.commonName,
    keys.publicKey,
    dates,
    issuer ?? keys.privateKey,
    extensions,
  );
  return { certificatePem, privateKeyPem: options.privateKeyPem ?? (await exportKey(keys.privateKey)) };
}

/** @param issuer the key itself for what signs itself */
async function sign(
  commonName: string,
  publicKey: webcrypto.CryptoKey,
  { notBefore, notAfter }: { notBefore: Date; notAfter: Date },
  issuer: CertificateAndKey | webcrypto.CryptoKey,
  extensions: Extension[],
): Promise<string> {
  const other = "certificatePem" in issuer ? issuer : undefined;
  const signingKey = other
    ? (await importKeys(other.privateKeyPem)).privateKey
    : (issuer as webcrypto.CryptoKey);
  const issuerCertificate = other && new ParsedCertificate(other.certificatePem);
  const subject = new Name([{ CN: [commonName] }]);
  const certificate = await X509CertificateGenerator.create({
    // RFC 5280 section 4.1.2.2: positive, at most 20 bytes.
    serialNumber: `4${randomBytes(16).toString("hex").slice(1)}`,
    subject,
    // Taken from the issuer's bytes, so that the two names compare equal whatever their string type.
    issuer: issuerCertificate?.subjectName ?? subject,
    notBefore,
    notAfter,
    publicKey,
    signingKey,
    signingAlgorithm: PARAMETERS[signingKey.algorithm.name === "ECDSA" ? "ec-p256" : "rsa-2048"].signing,
    extensions: [
      ...extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuerCertificate?.publicKey ?? publicKey),
    ],
  });
  return new X509Certificate(Buffer.from(certificate.rawData)).toString();
}

async function generateKeys(keyType: KeyType = "rsa-2048"): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(PARAMETERS[keyType].key, true, ["sign", "verify"])) as KeyPair;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}

async function importKeys(pem: string): Promise<KeyPair> {
  const key = createPrivateKey(pem);
  const parameters = PARAMETERS[keyTypeOf(key)].key;
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return {
    privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, parameters, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", spki, parameters, true, ["verify"]),
  };
}

function keyTypeOf(key: KeyObject): KeyType {
  if (key.asymmetricKeyType === "rsa") return "rsa-2048";
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1")
    return "ec-p256";
  throw new TypeError("the private key is neither RSA nor on the curve P-256; make one of these");
}
