// SPDX-License-Identifier: MIT
/** Files that a person hands over: read with a bound, and as text without a character changed. */
import { closeSync, openSync, readSync } from "node:fs";
import { BerthError } from "../../src/error";

const MB = 1024 * 1024;
/** Some 100,000 devices in a table or a configuration. */
const LARGEST_FILE = 64 * MB;
const CHUNK = 64 * 1024;

const MARKS = Object.freeze([
  { label: "utf-8", mark: [0xef, 0xbb, 0xbf] },
  { label: "utf-16le", mark: [0xff, 0xfe] },
  { label: "utf-16be", mark: [0xfe, 0xff] },
]);

/**
 * The bytes of `file`. A device or a pipe, which has no size, is read no further than the bound.
 * @param most bytes
 * @throws BerthError `invalid-argument` above `most`; the error of the file system, with the path
 */
export function readHandedOver(file: string, most = LARGEST_FILE): Buffer {
  const descriptor = openSync(file, "r");
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const read = readSync(descriptor, chunk);
      if (read === 0) return Buffer.concat(chunks, length);
      chunks.push(chunk.subarray(0, read));
      length += read;
      if (length > most) throw wrong(`${file} has more than ${most / MB} MB; is it the right file?`);
    }
  } catch (error) {
    // That of a descriptor has no path.
    throw error instanceof BerthError ? error : Object.assign(error as Error, { path: file });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * `bytes` as text: UTF-8, or UTF-16 by its byte order mark; the mark is left out.
 * @throws BerthError `invalid-argument` naming file and line for bytes that are neither; it shows none of them, as they
 *   may be part of a key or a password
 */
export function textOf(bytes: Uint8Array, file: string): string {
  const label = labelOf(bytes) ?? "utf-8";
  let text: string;
  try {
    text = new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    const line = lineAt(new TextDecoder(label).decode(bytes.subarray(0, firstWrong(bytes, label))));
    const kind = label === "utf-8" ? "UTF-8" : "UTF-16, as its byte order mark says";
    throw wrong(`${file} line ${line} is not in ${kind}; save the file as UTF-8 (Excel: "CSV UTF-8")`);
  }
  const zero = text.indexOf("\0");
  if (zero < 0) return text;
  const line = lineAt(text.slice(0, zero));
  throw wrong(
    `${file} line ${line} holds a zero byte: it is no text, or UTF-16 without a byte order mark; save it as UTF-8`,
  );
}

/** `bytes` as text in which only ASCII matters, such as PEM, whatever stands around it. */
export function asciiOf(bytes: Uint8Array): string {
  return new TextDecoder(labelOf(bytes) ?? "latin1").decode(bytes);
}

function labelOf(bytes: Uint8Array): string | undefined {
  return MARKS.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))?.label;
}

/** How many bytes are well-formed, but for the last character: by bisection, as a decoder does not tell. */
function firstWrong(bytes: Uint8Array, label: string): number {
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    try {
      new TextDecoder(label, { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

/** The line, 1 the first, that follows `before`. */
function lineAt(before: string): number {
  return before.split(/\r\n|\r|\n/).length;
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
