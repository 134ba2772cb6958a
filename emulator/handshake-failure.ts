// SPDX-License-Identifier: MIT

/** What an error of Node's TLS server means, by its code. Everything else is told in OpenSSL's words. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST/, "an HTTP request; this port speaks MQTT over TLS"],
  [
    /UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|ALERT_PROTOCOL_VERSION/,
    "the client speaks no TLS version that is offered",
  ],
  [/NO_SHARED_CIPHER|NO_SHARED_GROUP/, "the client offered no cipher suite or curve that is known here"],
  [/WRONG_VERSION_NUMBER|BAD_RECORD_TYPE|PACKET_LENGTH/, "what came is not TLS"],
  [/HANDSHAKE_TIMEOUT/, "the client did not finish the handshake in time"],
];
const REFUSED = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED)/;
const ENDED = /ECONNRESET|EPIPE|socket hang up/;

/**
 * Why a TLS handshake failed, in words.
 * @param flaw what is wrong with the certificate that was shown, where that was asked for
 */
export function handshakeFailure(
  error: NodeJS.ErrnoException & { reason?: string },
  flaw: string | undefined,
): string {
  const is = (pattern: RegExp) => pattern.test(error.code ?? "") || pattern.test(error.message);
  if (is(REFUSED))
    return `the client refused the certificate of this server${flawOr(flaw, "let it trust the root, for these names and at this time")}`;
  if (is(ENDED)) return `the client ended the connection before TLS was up${flawOr(flaw)}`;
  const known = MEANINGS.find(([pattern]) => is(pattern));
  return known ? known[1] : `the TLS handshake failed: ${error.reason ?? error.message}`;
}

/** What the certificate may have to do with it; else the advice. */
export function flawOr(flaw: string | undefined, advice?: string): string {
  const words = flaw === undefined ? advice : `the emulator was asked to show a certificate that is ${flaw}`;
  return words === undefined ? "" : `; ${words}`;
}
