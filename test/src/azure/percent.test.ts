// SPDX-License-Identifier: MIT
/** Percent-encoding by RFC 3986: only unreserved characters (section 2.3) stay. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { percentDecode, percentEncode } from "../../../src/azure/percent";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

test("each ASCII character: unreserved ones stay, all others become upper-case hexadecimal", () => {
  for (let code = 0; code < 128; code += 1) {
    const character = String.fromCharCode(code);
    const encoded = /[A-Za-z0-9\-._~]/.test(character)
      ? character
      : `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
    expect(percentEncode(character)).toBe(encoded);
  }
});

test("! ' ( ) and *, which encodeURIComponent leaves", () => {
  expect(percentEncode("!'()*!")).toBe("%21%27%28%29%2A%21");
});

test("other characters by their UTF-8", () => {
  expect(percentEncode("ü€😀")).toBe("%C3%BC%E2%82%AC%F0%9F%98%80");
});

test.each(["\ud800", "a\udfff", "\udc00\ud800"])("a lone surrogate cannot be encoded: %j", (text) => {
  expect(thrownCode(() => percentEncode(text))).toBe("invalid-argument");
});

test.each([
  ["", ""],
  ["plain", "plain"],
  ["a%2fb%2Fc", "a/b/c"],
  ["%C3%BC", "ü"],
  ["a+b", "a+b"],
  ["a+%20b", "a+ b"],
  ["%00", "\0"],
])("%j is decoded", (text, decoded) => {
  expect(percentDecode(text)).toBe(decoded);
});

test.each(["%", "a%", "%2", "%2G", "%zz", "%C3", "%C0%80", "%ED%A0%80", "%FF", "100%"])(
  "%j is ill-formed",
  (text) => {
    expect(percentDecode(text)).toBeUndefined();
  },
);

testProperty(
  "what was encoded is decoded again",
  500,
  fc.property(fc.string({ unit: "binary" }), (text) => {
    const encoded = percentEncode(text);
    expect(encoded).toMatch(/^([A-Za-z0-9\-._~]|%[0-9A-F]{2})*$/);
    expect(percentDecode(encoded)).toBe(text);
  }),
);
