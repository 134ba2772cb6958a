// SPDX-License-Identifier: MIT
/**
 * Walks encoded values (AMQP 1.0, part 1) before rhea decodes them: rhea believes the counts of lists and arrays, so that
 * a few bytes would make it fill the memory.
 */

/** Levels of nesting that are taken. */
const DEEPEST = 32;
/** Elements of an array that take no bytes. */
const MOST_EMPTY = 256;

/** Bytes that are no encoded value. */
export class EncodingError extends Error {}

/** Checks values from `at` to the end. @throws EncodingError */
export function checkValues(bytes: Buffer, at = 0): void {
  let next = at;
  while (next < bytes.length) next = endOfValue(bytes, next);
}

/** Where the value at `at` ends. @throws EncodingError */
export function endOfValue(bytes: Buffer, at: number, depth = 0): number {
  const { code, end } = constructorAt(bytes, at, depth);
  return endOfData(bytes, code, end, depth);
}

/** The type of a value behind its descriptors. */
function constructorAt(bytes: Buffer, at: number, depth: number): { code: number; end: number } {
  if (depth > DEEPEST) throw new EncodingError(`values nest more than ${DEEPEST} levels`);
  const code = numberAt(bytes, at, 1);
  if (code !== 0) return { code, end: at + 1 };
  return constructorAt(bytes, endOfValue(bytes, at + 1, depth + 1), depth + 1);
}

/** The upper half of a type's code tells how long it is. */
function endOfData(bytes: Buffer, code: number, at: number, depth: number): number {
  switch (code >> 4) {
    case 0x4:
      return at;
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
      return within(bytes, at + 2 ** ((code >> 4) - 5));
    case 0xa:
      return within(bytes, at + 1 + numberAt(bytes, at, 1));
    case 0xb:
      return within(bytes, at + 4 + numberAt(bytes, at, 4));
    case 0xc:
      return endOfElements(bytes, at, 1, depth);
    case 0xd:
      return endOfElements(bytes, at, 4, depth);
    case 0xe:
      return endOfArray(bytes, at, 1, depth);
    case 0xf:
      return endOfArray(bytes, at, 4, depth);
    default:
      throw new EncodingError(`0x${code.toString(16)} is no type`);
  }
}

function endOfElements(bytes: Buffer, at: number, width: number, depth: number): number {
  const count = numberAt(bytes, at + width, width);
  let next = at + 2 * width;
  for (let left = count; left > 0; left--) next = endOfValue(bytes, next, depth + 1);
  return sized(bytes, at, width, next);
}

function endOfArray(bytes: Buffer, at: number, width: number, depth: number): number {
  const count = numberAt(bytes, at + width, width);
  const { code, end } = constructorAt(bytes, at + 2 * width, depth + 1);
  if (code >> 4 === 0x4 && count > MOST_EMPTY) throw new EncodingError("an array of too many empty elements");
  let next = end;
  for (let left = count; left > 0; left--) next = endOfData(bytes, code, next, depth + 1);
  return sized(bytes, at, width, next);
}

/** Content has to be as long as it says. */
function sized(bytes: Buffer, at: number, width: number, end: number): number {
  if (at + width + numberAt(bytes, at, width) !== end)
    throw new EncodingError("a size is not that of its content");
  return end;
}

function numberAt(bytes: Buffer, at: number, width: number): number {
  within(bytes, at + width);
  return bytes.readUIntBE(at, width);
}

function within(bytes: Buffer, end: number): number {
  if (end > bytes.length) throw new EncodingError("a value ends too early");
  return end;
}
