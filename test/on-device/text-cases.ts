// SPDX-License-Identifier: MIT
/** UTF-8 by the SDK's natives. */
import TextDecoder from "text/decoder";
import { ModdableText } from "../../hosts/moddable/text";
import { type Case, equal } from "./check";

const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));

/** Unicode 15, table 3-7: what is not well-formed. */
const ILL_FORMED: readonly (readonly number[])[] = [
  [0x80],
  [0xc0, 0x80],
  [0xc3],
  [0xe0, 0x80, 0x80],
  [0xed, 0xa0, 0x80],
  // These two the SDK's decoder takes: src/utf8.ts.
  [0x61, 0xed, 0x61, 0x81],
  [0xf4, 0x41, 0x80, 0x80],
  [0xf0, 0x80, 0x80, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xff],
];

export const textCases: readonly Case[] = [
  {
    name: "text: there and back, a byte order mark and U+0000 included",
    run: () => {
      for (const value of ["", "a", "aé€😀", "\ufeffx", "a\0b", "x".repeat(5000)]) {
        equal(text.decode(text.encode(value)), value);
      }
    },
  },
  {
    name: "text: a view is decoded by its own bytes alone",
    run: () => equal(text.decode(text.encode("abcdef").subarray(1, 3)), "bc"),
  },
  {
    name: "text: ill-formed UTF-8 throws",
    run: () => {
      for (const bytes of ILL_FORMED) {
        let threw = false;
        try {
          text.decode(Uint8Array.from(bytes));
        } catch {
          threw = true;
        }
        equal([bytes, threw], [bytes, true]);
      }
    },
  },
  {
    name: "text: a lone surrogate becomes U+FFFD",
    run: () => equal(text.encode("\ud800"), Uint8Array.of(0xef, 0xbf, 0xbd)),
  },
  {
    name: "text: encodeInto writes at its place, or says that there is no room",
    run: () => {
      const target = new Uint8Array(6);
      equal(text.encodeInto("é", target, 2), 2);
      equal(target, Uint8Array.of(0, 0, 0xc3, 0xa9, 0, 0));
      equal(text.encodeInto("abc", target, 4), -1);
    },
  },
];
