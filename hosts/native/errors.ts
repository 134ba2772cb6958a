// SPDX-License-Identifier: MIT
import { isDigits } from "../../src/characters";
import { asBerthError, BerthError, type ErrorCode } from "../../src/error";

/** By berth_tls_code of tls/berth_tls_failure.h. */
const CODES: readonly ErrorCode[] = Object.freeze([
  "internal",
  "invalid-argument",
  "out-of-memory",
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

/**
 * What a native threw, as an error of the core: C throws a berth_tls_code and a text. What has none is `internal`, which
 * like the lack of memory may pass; a TypeError is XS's word for an argument of the wrong kind.
 */
export function nativeError(thrown: unknown): BerthError {
  const error = asBerthError(thrown, thrown instanceof TypeError ? "invalid-argument" : "internal");
  const text = thrown instanceof Error ? thrown.message : "";
  const blank = text.indexOf(" ");
  const code = text.slice(0, Math.max(0, blank));
  return isDigits(code, 2) ? engineError(Number(code), text.slice(blank + 1)) : error;
}
