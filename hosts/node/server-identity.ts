// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { DetailedPeerCertificate } from "node:tls";
import { isAuthority, maySign } from "./key-usage";
import { constraintFault } from "./name-constraints";

/** More than OpenSSL verifies. */
const LONGEST_CHAIN = 100;
/** Of issuers; those of the servers' own certificates are what the cipher suites name. */
const KEY_TYPES = new Set<string | undefined>(["rsa", "rsa-pss", "ec", "ed25519", "ed448"]);

/**
 * What is wrong with the server's chain, whose signatures, purposes and dates have been verified, for `host`, a name
 * or an address: an error with a code as `node:tls` raises it, or undefined when it is right.
 *
 * Node's own check is laxer than RFC 9525: it falls back on the common name (section 2 forbids) and matches
 * wildcards within a label (section 6.3 forbids). Here only dNSName and iPAddress entries count, and `*` only as
 * the whole left-most label. OpenSSL is content with a key that may only encipher, with a certificate of an issuer as
 * the server's, with DSA, and with some name constraints that are not kept.
 * @param chain the server's certificate first, then those above it, the root's included
 */
export function serverIdentityError(host: string, chain: readonly Buffer[]): Error | undefined {
  try {
    return faultOf(host, chain);
  } catch (error) {
    // OpenSSL reads more than DER.
    return coded(
      "CERT_UNTRUSTED",
      `a certificate of the server's chain cannot be read: ${(error as Error).message}`,
    );
  }
}

function faultOf(host: string, chain: readonly Buffer[]): Error | undefined {
  const [own, ...authorities] = chain;
  if (own === undefined) return coded("UNABLE_TO_GET_ISSUER_CERT", "the server has no certificate");
  const certificate = new X509Certificate(own);
  const covered =
    isIP(host) === 0
      ? certificate.checkHost(host.replace(/\.$/, ""), { subject: "never", partialWildcards: false })
      : certificate.checkIP(host);
  if (covered === undefined) {
    const names = certificate.subjectAltName ?? "no name at all";
    return coded("ERR_TLS_CERT_ALTNAME_INVALID", `${host} is asked for, the certificate has ${names}`);
  }
  if (!maySign(own)) return coded("INVALID_PURPOSE", "the certificate's key may not sign");
  if (isAuthority(own)) return coded("INVALID_PURPOSE", "the server's certificate is one of an issuer");
  if (!authorities.every((der) => KEY_TYPES.has(new X509Certificate(der).publicKey.asymmetricKeyType))) {
    return coded("CERT_UNTRUSTED", "an issuer's key is neither RSA nor EC");
  }
  const fault = constraintFault(host, own, authorities);
  return fault === undefined ? undefined : coded("CERT_UNTRUSTED", fault);
}

/** DER of the chain that Node has put together of what the server sent and the roots. */
export function chainOf(certificate: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let one: DetailedPeerCertificate | undefined = certificate;
  while (one?.raw && chain.length < LONGEST_CHAIN) {
    chain.push(one.raw);
    // A root is its own issuer.
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
