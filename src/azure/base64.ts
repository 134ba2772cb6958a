// SPDX-License-Identifier: MIT
/** Base64 (RFC 4648, section 4) of the few bytes of a signature. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `bytes` in base64, padded. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  const whole = bytes.length - (bytes.length % 3);
  let at = 0;
  for (; at < whole; at += 3) {
    const group =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    text += digit(group >> 18) + digit(group >> 12) + digit(group >> 6) + digit(group);
  }
  if (bytes.length - at === 1) {
    const group = (bytes[at] as number) << 16;
    text += `${digit(group >> 18)}${digit(group >> 12)}==`;
  } else if (bytes.length - at === 2) {
    const group = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8);
    text += `${digit(group >> 18)}${digit(group >> 12)}${digit(group >> 6)}=`;
  }
  return text;
}

function digit(bits: number): string {
  return ALPHABET[bits & 63] as string;
}
