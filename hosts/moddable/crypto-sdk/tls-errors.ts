// SPDX-License-Identifier: MIT
/** What an exception of the SDK's TLS means, in the codes of the core. */
import { BerthError } from "../../../src/error";
import { Phase } from "../../sockets/tcp";
import { type CertificateFields, coversHost, readCertificate } from "../certificate";

/** What is known when a connection fails. */
export interface Failure {
  readonly phase: Phase;
  /** The name that the server's certificate must carry. */
  readonly host: string;
  /** Milliseconds since 1970; undefined while the clock is not set. */
  readonly now: number | undefined;
  /** The server's certificates, leaf first, DER. */
  readonly certificates: readonly Uint8Array[];
}

/** Alerts by which a server refuses the client's certificate (RFC 5246, section 7.2.2; RFC 8446 adds 116). */
const CLIENT_CERTIFICATE_ALERTS: readonly number[] = Object.freeze([41, 42, 43, 44, 45, 46, 48, 49, 116]);

/** The connection ended without a word. */
export function connectionEnded(phase: Phase): BerthError {
  if (phase === Phase.CONNECTING) return new BerthError("connect-failed");
  if (phase === Phase.HANDSHAKE) {
    return new BerthError("tls-failed", "the server closed the connection in the TLS handshake");
  }
  return new BerthError("connection-lost", "the server closed the connection");
}

/** `error`, thrown by the SDK's TLS, as an error of the core. */
export function tlsError(error: unknown, failure: Failure): BerthError {
  if (error instanceof BerthError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const alert = /^alert: \d+, (\d+)/.exec(message);
  if (alert) return alertError(Number(alert[1]), failure);
  if (failure.phase === Phase.UP) return new BerthError("connection-lost", `TLS: ${message}`);
  // A root that the SDK knows by name but that is not in the image ends in a URIError.
  const refused = /^(certificate:|Cert:|date validation)/.test(message);
  if (refused || error instanceof URIError) return certificateError(failure);
  return new BerthError("tls-failed", message);
}

function alertError(description: number, failure: Failure): BerthError {
  const about = `the server sent alert ${description}`;
  if (failure.phase === Phase.UP) return new BerthError("connection-lost", about);
  const certificate = CLIENT_CERTIFICATE_ALERTS.includes(description);
  return new BerthError(certificate ? "tls-client-certificate" : "tls-failed", about);
}

/** Why the server's certificates were refused: what can be read in them, or else that no root leads to them. */
function certificateError(failure: Failure): BerthError {
  let fields: CertificateFields[];
  try {
    fields = failure.certificates.map(readCertificate);
  } catch {
    return new BerthError("tls-untrusted", "the server's certificate cannot be read");
  }
  const [leaf] = fields;
  if (!leaf) return new BerthError("tls-untrusted");
  const now = failure.now ?? Date.now();
  if (fields.some(({ notBefore, notAfter }) => now <= notBefore || now >= notAfter)) {
    return new BerthError("tls-expired", "a certificate of the server");
  }
  if (!coversHost(leaf, failure.host)) return new BerthError("tls-name-mismatch", failure.host);
  return new BerthError("tls-untrusted");
}
