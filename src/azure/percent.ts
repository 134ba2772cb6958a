// SPDX-License-Identifier: MIT
/** Percent-encoding as Azure's SAS tokens and property bags use it (RFC 3986, unreserved characters stay). */
import { invalidArgument } from "../error";

/** What encodeURIComponent leaves as it is (RFC 3986, section 2.2), and the second digits of their codes. */
const RESERVED: readonly string[] = Object.freeze(["!", "'", "(", ")", "*"]);
const CODES = "1789A";

/**
 * Encodes everything but `A-Z a-z 0-9 - _ . ~`, with upper-case hexadecimal digits.
 * @throws BerthError `invalid-argument` for a lone surrogate
 */
export function percentEncode(text: string): string {
  let encoded: string;
  try {
    encoded = encodeURIComponent(text);
  } catch {
    throw invalidArgument("a lone surrogate cannot be encoded");
  }
  for (let i = 0; i < RESERVED.length; i += 1) {
    const character = RESERVED[i] as string;
    if (encoded.includes(character)) encoded = encoded.split(character).join(`%2${CODES.charAt(i)}`);
  }
  return encoded;
}

/** Decodes, or returns undefined when the text is ill-formed. `+` stands for itself. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    const decoded = decodeURIComponent(text);
    // XS (13.3) takes overlong forms and surrogates: they do not come out as long as they went in.
    return utf8Length(decoded) === utf8Length(text) - 2 * escapesIn(text) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of `text` in UTF-8. @throws URIError for a lone surrogate */
export function utf8Length(text: string): number {
  const encoded = encodeURIComponent(text);
  return encoded.length - 2 * escapesIn(encoded);
}

/** Of a text in which each % begins two digits. */
function escapesIn(encoded: string): number {
  let count = 0;
  for (let at = encoded.indexOf("%"); at >= 0; at = encoded.indexOf("%", at + 1)) count += 1;
  return count;
}
