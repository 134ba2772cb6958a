// SPDX-License-Identifier: MIT
/** Base64 (RFC 4648, section 4) of the few bytes of a signature. */
import type { TextCodec } from "./host";

/** Table 1, and the padding behind it. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

/** `bytes` in base64, padded. From bytes to bytes: on XS each character of a text is a text of its own. */
export function base64(bytes: Uint8Array, text: TextCodec): string {
  const count = bytes.length;
  const alphabet = text.encode(ALPHABET);
  const digits = new Uint8Array(Math.ceil(count / 3) * 4);
  for (let i = 0, at = 0; i < count; i += 3, at += 4) {
    // What lies behind the end counts as 0.
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    digits[at] = alphabet[group >> 18] as number;
    digits[at + 1] = alphabet[(group >> 12) & 63] as number;
    digits[at + 2] = alphabet[i + 1 < count ? (group >> 6) & 63 : 64] as number;
    digits[at + 3] = alphabet[i + 2 < count ? group & 63 : 64] as number;
  }
  return text.decode(digits);
}
