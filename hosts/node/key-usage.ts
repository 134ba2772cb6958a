// SPDX-License-Identifier: MIT
/** What a certificate may be used for, as far as Node does not tell. RFC 5280 section 4.2.1. */
import { DER, elements, extensionsOf } from "./der";

const KEY_USAGE = 15;
const BASIC_CONSTRAINTS = 19;
/** Bit 0 of keyUsage, the most significant. */
const DIGITAL_SIGNATURE = 0x80;

/**
 * May the key of the certificate `der` sign a key exchange (RFC 8446 section 4.4.2.2, RFC 5246 section 7.4.2)?
 * Without a keyUsage extension it may. `der` has been read by OpenSSL before, so it is well-formed.
 */
export function maySign(der: Buffer): boolean {
  return extensionsOf(der, KEY_USAGE).every((value) => {
    const [bits] = elements(value);
    // The first byte of a BIT STRING counts the unused bits of the last.
    return bits?.tag === DER.bitString && ((bits.body[1] ?? 0) & DIGITAL_SIGNATURE) !== 0;
  });
}

/** Is cA of basicConstraints true (section 4.2.1.9)? `der` as for `maySign`. */
export function isAuthority(der: Buffer): boolean {
  return extensionsOf(der, BASIC_CONSTRAINTS).some((value) => {
    const [flag] = elements(elements(value)[0]?.body);
    return flag?.tag === DER.boolean && flag.body[0] !== 0;
  });
}
