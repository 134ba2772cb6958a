// SPDX-License-Identifier: MIT
/** What XS's strict decoder of UTF-8 lets pass, for the hosts on XS. */

/** The lead bytes whose second byte decides whether it is a surrogate, or above U+10FFFF (Unicode, table 3-7). */
const LEADS = Object.freeze([0xed, 0xf4]);

/**
 * `bytes` by `decoder`, refused where the decoder of XS (13.3, and the SDK's 8.2.3) forgets to look: behind ED and F4
 * it takes a byte below 80 for a continuation, so that `ED 61 81` becomes a lone surrogate.
 * @param decoder strict: it throws on everything else that is not well-formed
 * @throws TypeError for bytes that are not well-formed UTF-8, and what the decoder throws
 */
export function decodeStrictly(decoder: { decode(bytes: Uint8Array): string }, bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  // As many characters as bytes: all ASCII.
  if (text.length === bytes.length) return text;
  for (const lead of LEADS) {
    for (let at = bytes.indexOf(lead); at >= 0; at = bytes.indexOf(lead, at + 1)) {
      if ((bytes[at + 1] as number) < 0x80) throw new TypeError("invalid UTF-8");
    }
  }
  return text;
}
