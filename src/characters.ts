// SPDX-License-Identifier: MIT
/**
 * What a text consists of. By hand: one regular expression anywhere brings 21 KB of XS into the image of a chip, toLowerCase its
 * 12 KB of Unicode. Nothing is allocated that does not change.
 */

/** Kinds of characters, to be added up: of ASCII alone. */
export const DIGIT = 1;
export const HEXADECIMAL = 3;
export const LETTER = 6;
export const ALPHANUMERIC = 7;

function kindOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return DIGIT;
  const lower = code | 0x20;
  if (lower < 0x61 || lower > 0x7a) return 0;
  return lower <= 0x66 ? HEXADECIMAL - DIGIT : LETTER - (HEXADECIMAL - DIGIT);
}

/** Is each character of `kinds`, or one of `others`? Yes for the empty text. */
export function consistsOf(text: string, kinds: number, others = ""): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if ((kindOf(text.charCodeAt(i)) & kinds) === 0 && !others.includes(text.charAt(i))) return false;
  }
  return true;
}

/** Is it a text of 1 to `most` decimal digits? */
export function isDigits(text: string, most: number = text.length): boolean {
  return text !== "" && text.length <= most && consistsOf(text, DIGIT);
}

/** Is each character one of ASCII, from `first` to the last that is no control character? Yes for the empty text. */
export function isPrintable(text: string, first: number = 0x20): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < first || code > 0x7e) return false;
  }
  return true;
}

/** With the letters of ASCII in lower case; all others stay, whatever their language says. */
export function lowerCase(text: string): string {
  let lower = text;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) lower = replaced(lower, i, String.fromCharCode(code + 0x20));
  }
  return lower;
}

export function replaced(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}

/** The characters at the beginning that are of `kinds`, or `others`. */
export function leading(text: string, kinds: number, others: string): string {
  let length = 0;
  while (length < text.length && consistsOf(text.charAt(length), kinds, others)) length += 1;
  return text.slice(0, length);
}

/** The code of a status line of HTTP: three digits behind `version`. Undefined for another line. */
export function httpStatus(line: string, version: string): number | undefined {
  const code = line.slice(version.length + 1, version.length + 4);
  const isStatus = line.startsWith(`${version} `) && code.length === 3 && isDigits(code);
  const rest = line.slice(version.length + 4);
  return isStatus && (rest === "" || rest.startsWith(" ")) ? Number(code) : undefined;
}
