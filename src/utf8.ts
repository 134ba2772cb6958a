// SPDX-License-Identifier: MIT
/** What XS's strict decoder of UTF-8 lets pass, for the hosts on XS. */

/** The lead bytes whose second byte decides whether it is a surrogate, or above U+10FFFF (Unicode, table 3-7). */
const LEADS = Object.freeze([0xed, 0xf4]);

/**
 * `text` as the decoder of XS (13.3, and the SDK's 8.2.3) made it of `bytes`, refused where that forgets to look:
 * behind ED and F4 it takes a byte below 80 for a continuation, so that `ED 61 81` becomes a lone surrogate.
 * Text with as many characters as bytes is all ASCII and needs no check: telling it apart first costs the least.
 * @throws TypeError for bytes that are not well-formed UTF-8
 */
export function checkDecoded(text: string, bytes: Uint8Array): string {
  for (const lead of LEADS) {
    for (let at = bytes.indexOf(lead); at >= 0; at = bytes.indexOf(lead, at + 1)) {
      if ((bytes[at + 1] as number) < 0x80) throw new TypeError("invalid UTF-8");
    }
  }
  return text;
}
