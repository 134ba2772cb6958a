// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { maySign } from "./key-usage";

/**
 * What is wrong with the server's certificate `der`, whose chain has been verified, for `host`, a name or an
 * address: an error with a code as `node:tls` raises it, or undefined when it is right.
 *
 * Node's own check is laxer than RFC 9525: it falls back on the common name (section 2 forbids) and matches
 * wildcards within a label (section 6.3 forbids). Here only dNSName and iPAddress entries count, and `*` only as
 * the whole left-most label. OpenSSL is content with a key that may only encipher.
 */
export function serverIdentityError(host: string, der: Buffer): Error | undefined {
  const certificate = new X509Certificate(der);
  const covered =
    isIP(host) === 0
      ? certificate.checkHost(host.replace(/\.$/, ""), { subject: "never", partialWildcards: false })
      : certificate.checkIP(host);
  if (covered === undefined) {
    const names = certificate.subjectAltName ?? "no name at all";
    return coded("ERR_TLS_CERT_ALTNAME_INVALID", `${host} is asked for, the certificate has ${names}`);
  }
  if (!maySign(der)) return coded("INVALID_PURPOSE", "the certificate's key may not sign");
  return undefined;
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
