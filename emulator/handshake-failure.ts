// SPDX-License-Identifier: MIT

/** What an error of Node's TLS server means, by its code. Everything else is told in OpenSSL's words. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST/, "an HTTP request; this port speaks MQTT over TLS"],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED)/,
    "the client refused the certificate of this server; let it trust the root, for these names and at this time",
  ],
  [
    /UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|ALERT_PROTOCOL_VERSION/,
    "the client speaks no TLS version that is offered",
  ],
  [/NO_SHARED_CIPHER|NO_SHARED_GROUP/, "the client offered no cipher suite or curve that is known here"],
  [/WRONG_VERSION_NUMBER|BAD_RECORD_TYPE|PACKET_LENGTH/, "what came is not TLS"],
  [/HANDSHAKE_TIMEOUT/, "the client did not finish the handshake in time"],
  [/ECONNRESET|EPIPE|socket hang up/, "the client ended the connection before TLS was up"],
];

/** Why a TLS handshake failed, in words. */
export function handshakeFailure(error: NodeJS.ErrnoException & { reason?: string }): string {
  const known = MEANINGS.find(([pattern]) => pattern.test(error.code ?? "") || pattern.test(error.message));
  return known ? known[1] : `the TLS handshake failed: ${error.reason ?? error.message}`;
}
