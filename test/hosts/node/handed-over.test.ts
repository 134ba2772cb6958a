// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { asciiOf, readHandedOver, textOf } from "../../../hosts/node/handed-over";

const bigEndian = (text: string) => Buffer.from(text, "utf16le").swap16();

test.each<[string, Buffer]>([
  ["UTF-8", Buffer.from("Café\r\nÅ 🐟")],
  ["UTF-8 with a byte order mark", Buffer.from("\ufeffCafé\r\nÅ 🐟")],
  ["UTF-16, little endian", Buffer.from("\ufeffCafé\r\nÅ 🐟", "utf16le")],
  ["UTF-16, big endian", bigEndian("\ufeffCafé\r\nÅ 🐟")],
])("%s is text", (_name, bytes) => expect(textOf(bytes, "f")).toBe("Café\r\nÅ 🐟"));

test.each<[string, Buffer, string]>([
  [
    "Latin-1",
    Buffer.from("a\nsecret Caf\xe9,b\nc", "latin1"),
    "f line 2 is not in UTF-8; save the file as UTF-8",
  ],
  ["half a character at the end", Buffer.from("a\r\rsecret \xc3", "latin1"), "f line 3 is not in UTF-8"],
  ["an encoded surrogate", Buffer.from("a\r\n\xed\xa0\x80", "latin1"), "f line 2 is not in UTF-8"],
  ["UTF-16 of an odd length", Buffer.from("\xff\xfea\0\n\0b", "latin1"), "f line 2 is not in UTF-16, as its"],
  ["half a pair", Buffer.from("\ufeffa\nb\nc\ud800d", "utf16le"), "f line 3 is not in UTF-16"],
  ["UTF-16 without a mark", Buffer.from("a\nb", "utf16le"), "f line 1 holds a zero byte"],
  ["UTF-32", Buffer.from("\xff\xfe\0\0a\0\0\0", "latin1"), "f line 1 holds a zero byte"],
])("%s is refused by its line, and nothing of it is shown", (_name, bytes, message) => {
  const read = () => textOf(bytes, "f");
  expect(read).toThrow(message);
  expect(read).not.toThrow("secret");
});

test("what is ASCII in a file is read whatever stands around it", () => {
  expect(asciiOf(Buffer.from("Caf\xe9 -----BEGIN", "latin1"))).toContain(" -----BEGIN");
  expect(asciiOf(bigEndian("\ufeff-----BEGIN"))).toBe("-----BEGIN");
});

test("a file is read no further than 64 MB, though it has no end", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  try {
    const file = join(directory, "f");
    writeFileSync(file, Buffer.alloc(100_000, 7));
    expect(readHandedOver(file)).toEqual(Buffer.alloc(100_000, 7));
    if (process.platform === "win32") return;
    expect(() => readHandedOver("/dev/zero")).toThrow("/dev/zero has more than 64 MB; is it the right file?");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
