// SPDX-License-Identifier: MIT
/** Deep equality as Jest's `toEqual` and `toMatchObject` have it, as far as the tests of src/ need it. */

/** Stands for all values that `matches` accepts. */
export class Asymmetric {
  readonly matches: (value: unknown) => boolean;
  readonly name: string;

  constructor(name: string, matches: (value: unknown) => boolean) {
    this.name = name;
    this.matches = matches;
  }

  toJSON(): string {
    return this.name;
  }
}

/** `toEqual`: a property that is undefined equals one that is missing; prototypes do not count. */
export function equal(actual: unknown, expected: unknown): boolean {
  if (expected instanceof Asymmetric) return expected.matches(actual);
  if (Object.is(actual, expected)) return true;
  if (!isObject(actual) || !isObject(expected) || tagOf(actual) !== tagOf(expected)) return false;
  if (actual instanceof Error) return expected instanceof Error && actual.message === expected.message;
  if (actual instanceof RegExp || actual instanceof Date) return String(actual) === String(expected);
  if (isList(actual) && isList(expected)) {
    if (actual.length !== expected.length) return false;
    for (let i = 0; i < actual.length; i += 1) if (!equal(actual[i], expected[i])) return false;
    return true;
  }
  if (actual instanceof Set && expected instanceof Set) {
    return actual.size === expected.size && [...expected].every((value) => hasEqual([...actual], value));
  }
  if (actual instanceof Map && expected instanceof Map) {
    return actual.size === expected.size && [...expected].every((entry) => hasEqual([...actual], entry));
  }
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...keys].every((key) => equal(Reflect.get(actual, key), Reflect.get(expected, key)));
}

/** `toMatchObject`: `actual` may have more properties than `expected`, at each level. */
export function includes(actual: unknown, expected: unknown): boolean {
  if (expected instanceof Asymmetric) return expected.matches(actual);
  if (!isObject(actual) || !isObject(expected)) return Object.is(actual, expected);
  if (isList(expected)) {
    return isList(actual) && actual.length === expected.length && listIncludes(actual, expected);
  }
  if (tagOf(expected) !== "[object Object]") return equal(actual, expected);
  return Object.keys(expected).every((key) => includes(Reflect.get(actual, key), Reflect.get(expected, key)));
}

function listIncludes(actual: ArrayLike<unknown>, expected: ArrayLike<unknown>): boolean {
  for (let i = 0; i < expected.length; i += 1) if (!includes(actual[i], expected[i])) return false;
  return true;
}

/** One of `list` equals `value`. */
export function hasEqual(list: readonly unknown[], value: unknown): boolean {
  return list.some((item) => equal(item, value));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}

function isList(value: object): value is ArrayLike<unknown> & object {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
}

/** A value for a message. */
export function shown(value: unknown): string {
  if (typeof value === "function") return `function ${value.name}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value))
    return `[${[...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]}]`;
  try {
    return (
      JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value)
    );
  } catch {
    return String(value);
  }
}
