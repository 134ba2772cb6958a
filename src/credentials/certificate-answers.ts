// SPDX-License-Identifier: MIT
/** The chain that DPS or a hub issues, judged before it is kept. Who signed it the hub knows, the device does not. */
import { bytesOfBase64 } from "../azure/symmetric-key";
import { lowerCase } from "../characters";
import { BerthError, shown } from "../error";
import { readCertificate } from "../x509/certificate";
import { pointOf, publicKeyInfo } from "../x509/certificate-request";
import { sameBytes } from "../x509/der";
import type { StoredCertificate } from "./stored-certificate";

/** Certificates in a chain, as Microsoft's SDK has it. */
const LONGEST_CHAIN = 6;
/** Bytes of a record with key and chain: the store's bound, less the envelope and the lengths. */
const LARGEST = 3_900;

/** For whom it was asked. */
export interface CertificateOrder {
  /** PKCS #8. */
  readonly key: Uint8Array;
  readonly commonName: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * What is kept of `answer`: the chain without its root, which TLS does not need.
 * @param answer what should be an array of base64, leaf first
 * @throws BerthError `certificate-unusable` that says what is wrong
 */
export function issuedCertificate(answer: unknown, order: CertificateOrder): StoredCertificate {
  if (!Array.isArray(answer) || answer.length < 1 || answer.length > LONGEST_CHAIN) {
    throw unusable(`no chain of 1 to ${LONGEST_CHAIN} certificates`);
  }
  let size = order.key.length;
  const chain: Uint8Array[] = [];
  for (let i = 0; i < answer.length; i += 1) {
    const der = typeof answer[i] === "string" ? bytesOfBase64(answer[i] as string) : undefined;
    if (!der) throw unusable(`certificate ${i + 1} of the chain is no base64`);
    if (isForChain(der, i, order)) {
      size += der.length + 2;
      chain.push(der);
    }
  }
  if (size > LARGEST)
    throw unusable(`the chain takes ${size} bytes with its key; ${LARGEST} at most are kept`);
  return { key: order.key, chain };
}

function isForChain(der: Uint8Array, index: number, order: CertificateOrder): boolean {
  const { key, commonName, now } = order;
  let read: ReturnType<typeof readCertificate>;
  try {
    read = readCertificate(der);
  } catch {
    throw unusable(`certificate ${index + 1} of the chain is no X.509 in DER`);
  }
  if (now >= read.notAfter) {
    throw unusable(`certificate ${index + 1} of the chain ended at ${new Date(read.notAfter).toISOString()}`);
  }
  if (index > 0) return !read.selfIssued;
  if (!sameBytes(read.publicKey, publicKeyInfo(pointOf(key)))) throw unusable("it is for another key");
  // DPS compares without regard to case.
  if (lowerCase(read.commonName ?? "") !== lowerCase(commonName)) {
    throw unusable(`it is for ${shown(read.commonName ?? "nobody")}, not for ${commonName}`);
  }
  return true;
}

export function unusable(about: string): BerthError {
  return new BerthError("certificate-unusable", about);
}
