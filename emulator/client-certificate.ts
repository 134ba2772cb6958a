// SPDX-License-Identifier: MIT
/** The certificate that a TLS client showed, and what it proves. RFC 5280 section 6, as far as DPS needs it. */

import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { thumbprintsOf } from "./certificates";
import type { CertificatePair, EnrolledCertificate } from "./configuration";

/** More certificates than this are not looked at. */
const LONGEST_CHAIN = 8;

/** Leaf first, then the issuers that the client sent with it; empty when it sent none. */
export function clientChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer && issuer.fingerprint256 !== next.fingerprint256 ? issuer : undefined;
  }
  return chain;
}

/** The subject's common name. Undefined when there is none. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  return certificate.subject
    ?.split("\n")
    .find((line) => line.startsWith("CN="))
    ?.slice(3);
}

/** True while the certificate is valid. @param now milliseconds since 1970 */
export function isValidAt(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

/** In words: why it is not valid at `now`, milliseconds since 1970. */
export function validityAt({ validFrom, validTo }: X509Certificate, now: number): string {
  const time = (value: number) => new Date(value).toISOString();
  const state = Date.parse(validTo) < now ? "has expired" : "is not valid yet";
  return `${state}: good from ${time(Date.parse(validFrom))} to ${time(Date.parse(validTo))}, and it is ${time(now)} here`;
}

/** True when an enrollment names this very certificate, by its bytes or by a thumbprint. */
export function isEnrolled(certificate: X509Certificate, pair: CertificatePair | undefined): boolean {
  const seen = thumbprintsOf(certificate.raw);
  return enrolledOf(pair).some(({ certificate: pem, info }) => {
    if (pem !== undefined) return thumbprintsOf(pem).sha256Thumbprint === seen.sha256Thumbprint;
    if (info?.sha256Thumbprint !== undefined) return info.sha256Thumbprint === seen.sha256Thumbprint;
    return info?.sha1Thumbprint === seen.sha1Thumbprint;
  });
}

/**
 * The signing certificate of `pair` that the chain leads up to. Each step has to be signed by a CA certificate that is
 * valid at `now`. Undefined when there is no such path. @param now milliseconds since 1970
 */
export function signerOf(
  chain: readonly X509Certificate[],
  pair: CertificatePair | undefined,
  now: number,
): X509Certificate | undefined {
  const anchors = enrolledOf(pair).flatMap(({ certificate }) =>
    certificate ? [new X509Certificate(certificate)] : [],
  );
  for (const [index, certificate] of chain.entries()) {
    if (!isValidAt(certificate, now)) return undefined;
    if (index > 0 && !issues(certificate, chain[index - 1]!)) return undefined;
    for (const anchor of anchors) {
      if (!isValidAt(anchor, now)) continue;
      if (index > 0 && anchor.fingerprint256 === certificate.fingerprint256) return anchor;
      if (issues(anchor, certificate)) return anchor;
    }
  }
  return undefined;
}

function issues(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function enrolledOf(pair: CertificatePair | undefined): EnrolledCertificate[] {
  if (!pair) return [];
  return pair.secondary ? [pair.primary, pair.secondary] : [pair.primary];
}
