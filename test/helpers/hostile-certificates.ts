// SPDX-License-Identifier: MIT
/** Certificates with any content, right or wrong, for the hostile chains. RFC 5280. */
import "reflect-metadata";
import {
  generateKeyPair,
  generateKeyPairSync,
  KeyObject,
  randomBytes,
  sign,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import { promisify } from "node:util";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  X509Certificate as ParsedCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export { Extension, KeyUsageFlags, Name };

const DAY = 86_400_000;
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
export const CA_USAGES = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
export const LEAF_USAGES = KeyUsageFlags.digitalSignature;

/** A certificate in all the forms that are needed, with its keys. */
export interface Issued {
  readonly der: Buffer;
  readonly pem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly key: KeyObject;
}

/** What is in a certificate. */
export interface Profile {
  readonly subject: string;
  /** Self-signed when absent. */
  readonly issuer?: Issued;
  /** Signs in place of the issuer's key, under the issuer's name and key identifier. */
  readonly forger?: Issued;
  /** A new P-256 pair when absent. */
  readonly keys?: webcrypto.CryptoKeyPair;
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  /** cA of basicConstraints; no such extension when absent. */
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** No keyUsage extension when absent. */
  readonly usages?: KeyUsageFlags;
  /** OIDs of extKeyUsage; no such extension when absent. */
  readonly extendedUsages?: readonly string[];
  /** No subjectAltName when there are neither names, nor addresses, nor mail. */
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  readonly mail?: readonly string[];
  readonly hash?: "SHA-1" | "SHA-256";
  readonly more?: readonly Extension[];
}

export async function certify(profile: Profile): Promise<Issued> {
  const keys = profile.keys ?? (await ecKeys());
  const { issuer } = profile;
  const signingKey = (profile.forger ?? issuer)?.keys.privateKey ?? keys.privateKey;
  const subject = new Name([{ CN: [profile.subject] }]);
  const { from = -1, to = 30 } = profile;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `4${randomBytes(16).toString("hex").slice(1)}`,
    subject,
    issuer: issuer === undefined ? subject : new ParsedCertificate(issuer.pem).subjectName,
    notBefore: new Date(Date.now() + from * DAY),
    notAfter: new Date(Date.now() + to * DAY),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: {
      name: signingKey.algorithm.name === "ECDSA" ? "ECDSA" : "RSASSA-PKCS1-v1_5",
      hash: profile.hash ?? "SHA-256",
    },
    extensions: [
      ...extensionsOf(profile),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer?.keys.publicKey ?? keys.publicKey),
    ],
  });
  const der = Buffer.from(certificate.rawData);
  const key = KeyObject.from(keys.privateKey);
  return { der, pem: new X509Certificate(der).toString(), keys, key };
}

function extensionsOf(profile: Profile): Extension[] {
  const { ca, usages, extendedUsages, names = [], addresses = [], mail = [] } = profile;
  const extensions = [...(profile.more ?? [])];
  if (ca !== undefined) extensions.push(new BasicConstraintsExtension(ca, profile.pathLength, true));
  if (usages !== undefined) extensions.push(new KeyUsagesExtension(usages, true));
  if (extendedUsages !== undefined) extensions.push(new ExtendedKeyUsageExtension([...extendedUsages]));
  if (names.length + addresses.length + mail.length > 0) {
    extensions.push(
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
        ...mail.map((value) => ({ type: "email" as const, value })),
      ]),
    );
  }
  return extensions;
}

export function ecKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
}

/** A pair for RSASSA-PKCS1-v1_5; `hash` goes into what it signs. */
export async function rsaKeys(
  bits = 2048,
  hash: "SHA-1" | "SHA-256" = "SHA-256",
): Promise<webcrypto.CryptoKeyPair> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: bits });
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash };
  const { subtle } = webcrypto;
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  return {
    privateKey: await subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]),
    publicKey: await subtle.importKey("spki", spki, algorithm, true, ["verify"]),
  };
}

/** ecdsa-with-SHA256 and dsa-with-sha256 (RFC 5758), as AlgorithmIdentifiers. */
const SIGNATURES: Readonly<Record<string, Buffer>> = {
  ec: Buffer.from("300a06082a8648ce3d040302", "hex"),
  dsa: Buffer.from("300b0609608648016503040302", "hex"),
};

/** Keys that WebCrypto has not. */
export function weakKeys(kind: "P-192" | "DSA"): { publicKey: KeyObject; privateKey: KeyObject } {
  return kind === "DSA"
    ? generateKeyPairSync("dsa", { modulusLength: 2048, divisorLength: 256 })
    : generateKeyPairSync("ec", { namedCurve: "prime192v1" });
}

/** `issued` with another key in it, where `keys` are given, and signed by `signer`. */
export function remade(
  issued: Issued,
  signer: KeyObject,
  keys?: { publicKey: KeyObject; privateKey: KeyObject },
): Issued {
  const [signed] = rawElements(contentsOf(issued.der));
  const parts = rawElements(contentsOf(signed!));
  const algorithm = SIGNATURES[signer.asymmetricKeyType!]!;
  const body = parts.with(2, algorithm);
  if (keys) body[6] = keys.publicKey.export({ type: "spki", format: "der" });
  const toBeSigned = element(0x30, Buffer.concat(body));
  const signature = element(0x03, Buffer.concat([Buffer.of(0), sign("sha256", toBeSigned, signer)]));
  const der = element(0x30, Buffer.concat([toBeSigned, algorithm, signature]));
  return { ...issued, der, pem: new X509Certificate(der).toString(), key: keys?.privateKey ?? issued.key };
}

/** In DER. */
export function element(tag: number, body: Buffer): Buffer {
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), body]);
}

function headerLength(der: Buffer): number {
  const first = der.readUInt8(1);
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentsOf(der: Buffer): Buffer {
  return der.subarray(headerLength(der));
}

/** Each with its tag and length. */
function rawElements(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const header = headerLength(rest);
    const length = header === 2 ? rest.readUInt8(1) : rest.readUIntBE(2, header - 2);
    found.push(rest.subarray(0, header + length));
    rest = rest.subarray(header + length);
  }
  return found;
}

/** `der` with a bit of its signature turned over, still well-formed. */
export function withBrokenSignature(der: Buffer): Buffer {
  const broken = Buffer.from(der);
  const last = broken.length - 1;
  broken.writeUInt8(broken.readUInt8(last) ^ 1, last);
  return broken;
}
