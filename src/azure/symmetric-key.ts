// SPDX-License-Identifier: MIT
import { BerthError } from "../error";

/** DPS takes symmetric keys of 16 to 64 bytes ("Symmetric key attestation", Azure DPS documentation). */
const SHORTEST_KEY = 16;
const LONGEST_KEY = 64;

/**
 * The bytes of a symmetric key as Azure shows it: padded base64 (RFC 4648, section 4).
 * Who gets them overwrites them once the signer has its copy.
 * @throws BerthError `invalid-argument` when `key` is not base64 or not 16 to 64 bytes long; it shows none of it
 */
export function symmetricKeyBytes(key: string): Uint8Array {
  const bytes = bytesOfBase64(key);
  if (!bytes || bytes.length === 0) {
    throw new BerthError(
      "invalid-argument",
      "the symmetric key is not base64; copy the whole Primary Key of the enrollment, with its final '='",
    );
  }
  if (bytes.length < SHORTEST_KEY || bytes.length > LONGEST_KEY) {
    bytes.fill(0);
    throw new BerthError(
      "invalid-argument",
      `the symmetric key has ${bytes.length} bytes; Azure's have ${SHORTEST_KEY} to ${LONGEST_KEY}`,
    );
  }
  return bytes;
}

/**
 * The bytes of padded base64 (RFC 4648, section 4), or undefined when `text` is something else. Shows none of it.
 * Bits beyond the last byte may be set (section 3.5): a key that someone typed may have them, and other decoders take it.
 */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 !== 0) return undefined;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i += 1) {
    const value = digitOf(text.charCodeAt(i));
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xff_ffff;
    if (i % 4 === 0) continue;
    bytes[at] = bits >> (6 - 2 * (i % 4));
    at += 1;
  }
  return bytes;
}

function digitOf(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}
