// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeText } from "../../simulator/virtual-host";
import { base64 } from "../../src/base64";
import { testProperty } from "../helpers/seeds";

/** RFC 4648, section 10. */
test.each([
  ["", ""],
  ["f", "Zg=="],
  ["fo", "Zm8="],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg=="],
  ["fooba", "Zm9vYmE="],
  ["foobar", "Zm9vYmFy"],
])("RFC 4648: %j", (text, encoded) => {
  expect(base64(nodeText.encode(text), nodeText)).toBe(encoded);
});

test("every digit of the alphabet, + and / among them", () => {
  const bytes = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "base64");
  expect(base64(bytes, nodeText)).toBe("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
});

test("every length up to 200 as Node encodes it", () => {
  for (let length = 0; length <= 200; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 151 + length * 7) & 0xff);
    expect(base64(bytes, nodeText)).toBe(Buffer.from(bytes).toString("base64"));
  }
});

testProperty(
  "any bytes as Node encodes them",
  500,
  fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    expect(base64(bytes, nodeText)).toBe(Buffer.from(bytes).toString("base64"));
  }),
);
