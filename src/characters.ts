// SPDX-License-Identifier: MIT
/**
 * What a text consists of. By hand: one regular expression anywhere brings 21 KB of XS into the
 * image of a chip, toLowerCase its 12 KB of Unicode.
 */

const DIGITS = "0123456789";
export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
export const ALPHANUMERIC = `${LETTERS}${DIGITS}`;
const HEXADECIMAL = `${DIGITS}ABCDEFabcdef`;

/** Is each character one of `allowed`? Yes for the empty text. */
export function consistsOf(text: string, allowed: string): boolean {
  for (const character of text) if (!allowed.includes(character)) return false;
  return true;
}

/** Is it a text of 1 to `most` decimal digits? */
export function isDigits(text: string, most: number = text.length): boolean {
  return text !== "" && text.length <= most && consistsOf(text, DIGITS);
}

export function isHexadecimal(text: string): boolean {
  return text !== "" && consistsOf(text, HEXADECIMAL);
}

/** Is each character one of ASCII, from `first` to the last that is no control character? Yes for the empty text. */
export function isPrintable(text: string, first: string = " "): boolean {
  for (const character of text) if (character < first || character > "~") return false;
  return true;
}

/** With the letters of ASCII in lower case; all others stay, whatever their language says. */
export function lowerCase(text: string): string {
  let lower = "";
  for (const character of text) {
    const isUpper = character >= "A" && character <= "Z";
    lower += isUpper ? LETTERS.charAt(LETTERS.indexOf(character) + 26) : character;
  }
  return lower;
}

/** The characters at the beginning that are of `allowed`. */
export function leading(text: string, allowed: string): string {
  let found = "";
  for (const character of text) {
    if (!allowed.includes(character)) break;
    found += character;
  }
  return found;
}

/** The code of a status line of HTTP: three digits behind `version`. Undefined for another line. */
export function httpStatus(line: string, version: string): number | undefined {
  const code = line.slice(version.length + 1, version.length + 4);
  const isStatus = line.startsWith(`${version} `) && code.length === 3 && isDigits(code);
  const rest = line.slice(version.length + 4);
  return isStatus && (rest === "" || rest.startsWith(" ")) ? Number(code) : undefined;
}
