// SPDX-License-Identifier: MIT
/** Where mbedTLS 2.28 does otherwise than the table of cases. */
import type { HostileException } from "../helpers/hostile-client";

/** MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE: mbedTLS joins the parts of a handshake message from 3.6.3 on. */
const NOT_JOINED: HostileException = {
  verdict: { kind: "refused", code: "tls-failed" },
  why: "mbedTLS 2.28 takes no handshake message that is split over records; it fails closed",
};

export const NATIVE_EXCEPTIONS: Readonly<Record<string, HostileException>> = Object.freeze({
  "handshake messages split over records of 512": NOT_JOINED,
  "handshake messages split over records of 16": NOT_JOINED,
  "handshake messages split over records of 1": NOT_JOINED,
  "the flight in one stream of records of 700": NOT_JOINED,
  "16 KB of messages in records of 4 KB": NOT_JOINED,
});
