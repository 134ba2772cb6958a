// SPDX-License-Identifier: MIT
/** Where a version of mbedTLS does otherwise than the table of cases. */
import type { HostileException } from "../helpers/hostile-client";

/** MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE: mbedTLS joins the parts of a handshake message from 3.6.3 on. */
const NOT_JOINED: HostileException = {
  verdict: { kind: "refused", code: "tls-failed" },
  why: "mbedTLS before 3.6.3 takes no handshake message that is split over records; it fails closed",
};

/** MBEDTLS_ERR_SSL_INVALID_RECORD. */
const HEADER_CUT: HostileException = {
  verdict: { kind: "refused", code: "tls-failed" },
  why: "mbedTLS takes no record with less than the header of a handshake message (4 bytes); it fails closed",
};

const CRITICAL: HostileException = {
  verdict: { kind: "refused", code: "tls-untrusted" },
  why: "mbedTLS reads no certificate with critical name constraints, kept or not; it fails closed",
};
const ALWAYS = { "name constraints: critical and kept": CRITICAL };

/** By the names of the cases. number: MBEDTLS_VERSION_NUMBER */
export function nativeExceptions(number: number): Readonly<Record<string, HostileException>> {
  if (number >= 0x03060300) {
    return { ...ALWAYS, "handshake messages split over records of 1": HEADER_CUT };
  }
  return {
    ...ALWAYS,
    "handshake messages split over records of 512": NOT_JOINED,
    "handshake messages split over records of 16": NOT_JOINED,
    "handshake messages split over records of 1": NOT_JOINED,
    "the flight in one stream of records of 700": NOT_JOINED,
    "16 KB of messages in records of 4 KB": NOT_JOINED,
  };
}
