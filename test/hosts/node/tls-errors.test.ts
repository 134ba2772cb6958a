// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { PHASE, type Phase, transportError } from "../../../hosts/node/tls-errors";

function nodeError(code: string, more: object = {}): NodeJS.ErrnoException {
  return Object.assign(new Error("the reason"), { code, ...more });
}

// Codes: Node's "X509 certificate error codes" and "OpenSSL error codes", alerts of RFC 5246 and RFC 8446.
test.each<[string, Phase, string]>([
  ["ENOTFOUND", PHASE.connecting, "dns-failed"],
  ["EAI_AGAIN", PHASE.connecting, "dns-failed"],
  ["ECONNREFUSED", PHASE.connecting, "connect-failed"],
  ["EHOSTUNREACH", PHASE.connecting, "connect-failed"],
  ["ENETUNREACH", PHASE.connecting, "connect-failed"],
  ["ETIMEDOUT", PHASE.connecting, "connect-failed"],
  ["ECONNRESET", PHASE.connecting, "connect-failed"],
  ["ECONNRESET", PHASE.handshake, "tls-failed"],
  ["ECONNRESET", PHASE.up, "connection-lost"],
  ["EPIPE", PHASE.up, "connection-lost"],
  ["ETIMEDOUT", PHASE.up, "connection-lost"],
  ["CERT_HAS_EXPIRED", PHASE.handshake, "tls-expired"],
  ["CERT_NOT_YET_VALID", PHASE.handshake, "tls-expired"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", PHASE.handshake, "tls-name-mismatch"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", PHASE.handshake, "tls-untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", PHASE.handshake, "tls-untrusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", PHASE.handshake, "tls-untrusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", PHASE.handshake, "tls-untrusted"],
  ["CERT_REVOKED", PHASE.handshake, "tls-untrusted"],
  ["CERT_SIGNATURE_FAILURE", PHASE.handshake, "tls-untrusted"],
  ["INVALID_CA", PHASE.handshake, "tls-untrusted"],
  ["PATH_LENGTH_EXCEEDED", PHASE.handshake, "tls-untrusted"],
  ["INVALID_PURPOSE", PHASE.handshake, "tls-untrusted"],
  ["UNSPECIFIED", PHASE.handshake, "tls-untrusted"],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", PHASE.handshake, "tls-client-certificate"],
  ["ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", PHASE.handshake, "tls-client-certificate"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", PHASE.handshake, "tls-client-certificate"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", PHASE.up, "tls-client-certificate"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", PHASE.up, "tls-client-certificate"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", PHASE.up, "tls-client-certificate"],
  ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", PHASE.handshake, "tls-client-certificate"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", PHASE.up, "tls-client-certificate"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", PHASE.handshake, "tls-failed"],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", PHASE.handshake, "tls-failed"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", PHASE.handshake, "tls-failed"],
  ["EPROTO", PHASE.handshake, "tls-failed"],
  ["ERR_SSL_ECC_CERT_NOT_FOR_SIGNING", PHASE.handshake, "tls-untrusted"],
  ["ERR_SSL_CIPHER_OPERATION_FAILED", PHASE.up, "connection-lost"],
  ["ERR_SSL_UNEXPECTED_MESSAGE", PHASE.up, "connection-lost"],
])("%s in phase %i is %s", (code, phase, expected) => {
  const error = transportError(nodeError(code), phase);
  expect(error.code).toBe(expected);
});

test("the message holds Node's code and OpenSSL's reason without its file names", () => {
  const error = transportError(
    nodeError("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", {
      reason: "tlsv1 alert unknown ca",
      library: "SSL routines",
    }),
    PHASE.up,
  );
  expect(error.message).toContain("(ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: tlsv1 alert unknown ca)");
});

test("what OpenSSL cannot read as a certificate is `tls-untrusted`, in the handshake only", () => {
  const unreadable = nodeError("ERR_SSL_TOO_LONG", { library: "asn1 encoding routines" });
  expect(transportError(unreadable, PHASE.handshake).code).toBe("tls-untrusted");
  expect(transportError(unreadable, PHASE.up).code).toBe("connection-lost");
});

test("a failed look-up of any kind is `dns-failed`", () => {
  expect(transportError(nodeError("ESERVFAIL", { syscall: "getaddrinfo" }), PHASE.connecting).code).toBe(
    "dns-failed",
  );
});
