// SPDX-License-Identifier: MIT
/** The certificate that a TLS client showed, and what it proves. RFC 5280 section 6, as far as DPS needs it. */

import { constants, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { pathLengthOf, thumbprintsOf } from "./certificates";
import type { CertificatePair, EnrolledCertificate } from "./configuration";
import { quoted } from "./json-reader";

/** More certificates than this are not looked at. */
const LONGEST_CHAIN = 8;
/** RFC 5280 section 4.2.1.12. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";

/** Of a server: without tickets it resumes no session. */
export const NO_RESUMPTION = constants.SSL_OP_NO_TICKET;

/**
 * By a leaf's thumbprint, the chain that a whole handshake came with: a session that is resumed has lost the issuers. The
 * oldest go; their devices are refused once, and show the whole chain at their next connection.
 */
const LATEST_CHAINS = new Map<string, readonly X509Certificate[]>();
const MOST_CHAINS = 10_000;

/** Of each connection: Node.js takes the issuers out of it when it is first asked, and has the leaf alone after that. */
const CHAINS = new WeakMap<TLSSocket, readonly X509Certificate[]>();

/** Leaf first, then the issuers that the client sent with it; empty when it sent none. */
export function clientChain(socket: TLSSocket): readonly X509Certificate[] {
  const known = CHAINS.get(socket);
  if (known) return known;
  const leaf = socket.getPeerX509Certificate();
  const kept = leaf && socket.isSessionReused() ? LATEST_CHAINS.get(leaf.fingerprint256) : undefined;
  const chain = kept ?? chainFrom(leaf);
  CHAINS.set(socket, chain);
  if (leaf && !kept && chain.length > 1) keepChain(leaf.fingerprint256, chain);
  return chain;
}

function chainFrom(leaf: X509Certificate | undefined): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = leaf;
  while (next && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer && issuer.fingerprint256 !== next.fingerprint256 ? issuer : undefined;
  }
  return chain;
}

function keepChain(thumbprint: string, chain: readonly X509Certificate[]): void {
  LATEST_CHAINS.delete(thumbprint);
  LATEST_CHAINS.set(thumbprint, chain);
  if (LATEST_CHAINS.size <= MOST_CHAINS) return;
  for (const oldest of LATEST_CHAINS.keys()) {
    LATEST_CHAINS.delete(oldest);
    return;
  }
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

/** True when the certificate may prove a TLS client: its extended key usage (RFC 5280 4.2.1.12) is absent, or allows it. */
export function isForClients(certificate: X509Certificate): boolean {
  // Node has the object identifiers of the extended key usage under this name.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return usages === undefined || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE);
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
 * valid at `now` and allows as many CAs below it.
 * @param now milliseconds since 1970
 * @returns without `signer` when there is no such path; `narrow`: the CA that allows fewer CAs below it than there are
 */
export function signerOf(
  chain: readonly X509Certificate[],
  pair: CertificatePair | undefined,
  now: number,
): { signer?: X509Certificate; narrow?: X509Certificate } {
  const anchors = enrolledOf(pair).flatMap(({ certificate }) =>
    certificate ? [new X509Certificate(certificate)] : [],
  );
  let cas = 0;
  let narrow: X509Certificate | undefined;
  for (const [index, certificate] of chain.entries()) {
    if (!isValidAt(certificate, now)) return {};
    if (index > 0 && !hasIssued(certificate, chain[index - 1]!)) return {};
    if (index > 0 && !allows(certificate, cas)) return { narrow: certificate };
    // RFC 5280 section 6.1.4 (l): neither the leaf nor what issued itself takes from the path's length.
    if (index > 0 && certificate.subject !== certificate.issuer) cas++;
    for (const anchor of anchors) {
      if (!isValidAt(anchor, now)) continue;
      if (index > 0 && anchor.fingerprint256 === certificate.fingerprint256) return { signer: anchor };
      if (!hasIssued(anchor, certificate)) continue;
      if (allows(anchor, cas)) return { signer: anchor };
      narrow = anchor;
    }
  }
  return narrow ? { narrow } : {};
}

function hasIssued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

/** @param cas how many CAs the path has below `issuer` */
function allows(issuer: X509Certificate, cas: number): boolean {
  return cas <= (pathLengthOf(issuer.raw) ?? Number.POSITIVE_INFINITY);
}

/** In words: why a path is refused. @param narrow as `signerOf` */
export function pathProblem(narrow: X509Certificate): string {
  return `The CA ${quoted(commonNameOf(narrow) ?? "without a name")} has pathlen ${pathLengthOf(narrow.raw)}, and more CAs than that stand below it`;
}

function enrolledOf(pair: CertificatePair | undefined): EnrolledCertificate[] {
  if (!pair) return [];
  return pair.secondary ? [pair.primary, pair.secondary] : [pair.primary];
}
