// SPDX-License-Identifier: MIT
import { BerthError, type ErrorCode } from "../../src/error";

/** How far a connection had come when it failed. */
export const PHASE = Object.freeze({ connecting: 0, handshake: 1, up: 2 });
export type Phase = (typeof PHASE)[keyof typeof PHASE];

/** Node's and OpenSSL's names of what is wrong with the server's certificate; all others are `tls-untrusted`. */
const CERTIFICATE_CODES: Readonly<Record<string, ErrorCode>> = Object.freeze({
  CERT_HAS_EXPIRED: "tls-expired",
  CERT_NOT_YET_VALID: "tls-expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls-name-mismatch",
  ERR_TLS_CERT_ALTNAME_FORMAT: "tls-name-mismatch",
  HOSTNAME_MISMATCH: "tls-name-mismatch",
  // OpenSSL looks at the key usage of an EC certificate before it verifies the chain.
  ERR_SSL_ECC_CERT_NOT_FOR_SIGNING: "tls-untrusted",
});

/** X509_V_ERR_* as Node spells them ("X509 certificate error codes" in Node's TLS page); the rest is UNSPECIFIED. */
const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_SELF_SIGNED|CERT_|CRL_|INVALID_CA$|PATH_LENGTH_EXCEEDED$|INVALID_PURPOSE$|ERROR_IN_CERT_|UNSPECIFIED$)/;

/** Alerts by which a server refuses the client's certificate (RFC 8446 section 6.2, RFC 5246 section 7.2.2). */
const CLIENT_CERTIFICATE_ALERT =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|NO_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** OpenSSL's parts that read certificates; a server's certificate that cannot be read is not trusted either. */
const CERTIFICATE_READERS = new Set(["asn1 encoding routines", "x509 certificate routines"]);

const LOST = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ENOTCONN"]);

/** `error` of a TLS socket of Node that had come as far as `phase`, as an error of the core. */
export function transportError(error: NodeJS.ErrnoException, phase: Phase): BerthError {
  const code = error.code ?? "";
  const { library } = error as { library?: unknown };
  const unreadable =
    phase === PHASE.handshake && typeof library === "string" && CERTIFICATE_READERS.has(library);
  return new BerthError(
    unreadable ? "tls-untrusted" : codeOf(code, error.syscall, phase),
    about(error, phase),
  );
}

function codeOf(code: string, syscall: string | undefined, phase: Phase): ErrorCode {
  if (syscall === "getaddrinfo" || code === "ENOTFOUND" || code === "EAI_AGAIN") return "dns-failed";
  const certificate = CERTIFICATE_CODES[code];
  if (certificate !== undefined) return certificate;
  if (UNTRUSTED.test(code)) return "tls-untrusted";
  if (CLIENT_CERTIFICATE_ALERT.test(code)) return "tls-client-certificate";
  // The handshake is over: what fails now is the connection, for bytes that are not the server's or an alert of it.
  if (phase === PHASE.up) return "connection-lost";
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO") return "tls-failed";
  if (phase === PHASE.connecting) return "connect-failed";
  return "tls-failed";
}

function about(error: NodeJS.ErrnoException, phase: Phase): string {
  if (phase === PHASE.handshake && LOST.has(error.code ?? "")) {
    return "the server closed the connection in the TLS handshake";
  }
  // OpenSSL's messages carry a thread id and file names in front of the reason.
  const reason = (error as { reason?: unknown }).reason;
  const text = typeof reason === "string" && reason !== "" ? reason : error.message;
  return error.code === undefined || text.includes(error.code) ? text : `${error.code}: ${text}`;
}
