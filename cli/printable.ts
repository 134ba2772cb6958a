// SPDX-License-Identifier: MIT
/** What others wrote, made harmless for a terminal. */

/** Control characters steer it; the others break lines or turn the direction of text (Unicode, UAX 9). */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** `text` on one line, without what could steer the terminal: a line end becomes `\n`, an escape `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === "\n" ? "\\n" : character === "\t" ? " " : escaped(character),
  );
}

/** `json` that means the same: JSON.stringify leaves some of them as they are. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
