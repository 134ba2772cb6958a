// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  ALPHANUMERIC,
  consistsOf,
  DIGIT,
  HEXADECIMAL,
  httpStatus,
  isDigits,
  isPrintable,
  LETTER,
  leading,
  lowerCase,
} from "../../src/characters";
import { testProperty } from "../helpers/seeds";

const TEXT = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."09AFGZafgz@[`{/:-._ ~\u007f"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
});

describe("characters", () => {
  for (const [name, kinds, others, expression] of [
    ["digits", DIGIT, "", /^[0-9]*$/],
    ["hexadecimal digits", HEXADECIMAL, "", /^[0-9A-Fa-f]*$/],
    ["letters", LETTER, "", /^[A-Za-z]*$/],
    ["letters, digits and others", ALPHANUMERIC, "-._", /^[A-Za-z0-9\-._]*$/],
  ] as const) {
    testProperty(
      `${name} are what a regular expression says`,
      200,
      fc.property(TEXT, (text) => expect(consistsOf(text, kinds, others)).toBe(expression.test(text))),
    );
  }

  testProperty(
    "what is printable, decimal, in front and in lower case is what a regular expression says",
    300,
    fc.property(TEXT, (text) => {
      expect(isPrintable(text)).toBe(/^[\x20-\x7e]*$/.test(text));
      expect(isPrintable(text, 0x21)).toBe(/^[\x21-\x7e]*$/.test(text));
      expect(isDigits(text)).toBe(/^[0-9]+$/.test(text));
      expect(isDigits(text, 2)).toBe(/^[0-9]{1,2}$/.test(text));
      expect(leading(text, ALPHANUMERIC, "_-")).toBe(/^[\w-]*/.exec(text)?.[0]);
      expect(lowerCase(text)).toBe(text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    }),
  );

  test("the first and the last of each kind, and their neighbours", () => {
    const all = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code));
    const those = (kinds: number) => all.filter((character) => consistsOf(character, kinds)).join("");
    expect(those(DIGIT)).toBe("0123456789");
    expect(those(HEXADECIMAL)).toBe("0123456789ABCDEFabcdef");
    expect(those(LETTER)).toBe("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    expect(lowerCase("KELVIN \u212a, İ, ÄÖ")).toBe("kelvin \u212a, İ, ÄÖ");
  });

  test.each([
    ["HTTP/1.1 101 Switching Protocols", 101],
    ["HTTP/1.1 407", 407],
    ["HTTP/1.1 99", undefined],
    ["HTTP/1.1 1010", undefined],
    ["HTTP/1.1 1a1 No", undefined],
    ["HTTP/1.0 200 OK", undefined],
    ["HTTP/1.1", undefined],
    ["", undefined],
  ])("the status of %j is %j", (line, status) => expect(httpStatus(line, "HTTP/1.1")).toBe(status));
});
