// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { nodeText } from "../../../simulator/virtual-host";
import { base64 } from "../../../src/base64";
import { bytesOfBase64, symmetricKeyBytes } from "../../../src/azure/symmetric-key";

// RFC 4648, section 10.
test.each([
  ["", ""],
  ["f", "Zg=="],
  ["fo", "Zm8="],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg=="],
  ["fooba", "Zm9vYmE="],
  ["foobar", "Zm9vYmFy"],
])("%j is %j", (text, encoded) => {
  expect(String.fromCharCode(...(bytesOfBase64(encoded) ?? []))).toBe(text);
});

test("what base64 encodes comes back, for each length", () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 0xff);
    expect(bytesOfBase64(base64(bytes, nodeText))).toEqual(bytes);
  }
});
test("bits beyond the last byte are passed over", () => {
  expect(bytesOfBase64("Zh==")).toEqual(bytesOfBase64("Zg=="));
  expect(bytesOfBase64("Zm9=")).toEqual(bytesOfBase64("Zm8="));
});

test.each(["a", "ab", "abc", "ab=c", "====", "ab==cd==", "a===", "abc*", "ab c", "abcd\n", "grüß"])(
  "%j is no base64",
  (text) => {
    expect(bytesOfBase64(text)).toBeUndefined();
  },
);

test.each([16, 32, 64])("a key of %i bytes", (length) => {
  expect(symmetricKeyBytes(base64(new Uint8Array(length).fill(7), nodeText))).toEqual(
    new Uint8Array(length).fill(7),
  );
});

test.each([
  ["nothing", "", "not base64"],
  ["no base64", "bm90IGJhc2U2NCE", "not base64"],
  ["15 bytes", base64(new Uint8Array(15).fill(90), nodeText), "15 bytes"],
  ["65 bytes", base64(new Uint8Array(65).fill(90), nodeText), "65 bytes"],
])("a key of %s is refused, and not shown", (_what, key, about) => {
  const read = (): unknown => symmetricKeyBytes(key);
  expect(read).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(read).toThrow(about);
  if (key !== "") expect(read).not.toThrow(key);
});
