// SPDX-License-Identifier: MIT
import { BerthError, type ErrorCode } from "../../src/error";

/** By berth_tls_code of tls/tls_failure.h. */
const CODES: readonly ErrorCode[] = Object.freeze([
  "internal",
  "invalid-argument",
  "internal",
  "tls-untrusted",
  "tls-expired",
  "tls-name-mismatch",
  "tls-client-certificate",
  "tls-failed",
  "connection-lost",
]);

/** What the engine reports, as an error of the core. */
export function engineError(code: number, text: string): BerthError {
  return new BerthError(CODES[code] ?? "internal", text);
}
