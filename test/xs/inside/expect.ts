// SPDX-License-Identifier: MIT
/** Jest's `expect`, as far as the tests of src/ need it; another matcher is a type error there, and throws here. */
import { Asymmetric, equal, hasEqual, includes, shown } from "./equality";

type Check = (actual: never, ...expected: never[]) => boolean;

const MATCHERS: Readonly<Record<string, Check>> = Object.freeze({
  toBe: (actual: unknown, expected: unknown) => Object.is(actual, expected),
  toEqual: (actual: unknown, expected: unknown) => equal(actual, expected),
  toStrictEqual: (actual: object, expected: object) =>
    equal(actual, expected) && Object.getPrototypeOf(actual) === Object.getPrototypeOf(expected),
  toMatchObject: (actual: unknown, expected: unknown) => includes(actual, expected),
  toMatch: (actual: string, expected: string | RegExp) =>
    typeof expected === "string" ? actual.includes(expected) : expected.test(actual),
  toContain: (actual: string | Iterable<unknown>, expected: unknown) =>
    typeof actual === "string" ? actual.includes(String(expected)) : new Set(actual).has(expected),
  toContainEqual: (actual: Iterable<unknown>, expected: unknown) => hasEqual([...actual], expected),
  toHaveLength: (actual: { length: number }, expected: number) => actual.length === expected,
  toHaveProperty: (actual: object, expected: string, ...value: unknown[]) =>
    expected in actual && (value.length === 0 || equal(Reflect.get(actual, expected), value[0])),
  toBeUndefined: (actual: unknown) => actual === undefined,
  toBeDefined: (actual: unknown) => actual !== undefined,
  toBeNull: (actual: unknown) => actual === null,
  toBeNaN: (actual: unknown) => Number.isNaN(actual),
  toBeTruthy: (actual: unknown) => Boolean(actual),
  toBeFalsy: (actual: unknown) => !actual,
  toBeGreaterThan: (actual: number, expected: number) => actual > expected,
  toBeGreaterThanOrEqual: (actual: number, expected: number) => actual >= expected,
  toBeLessThan: (actual: number, expected: number) => actual < expected,
  toBeLessThanOrEqual: (actual: number, expected: number) => actual <= expected,
  toBeCloseTo: (actual: number, expected: number, digits = 2) =>
    Math.abs(expected - actual) < 10 ** -digits / 2,
  toBeInstanceOf: (actual: unknown, expected: new () => unknown) => actual instanceof expected,
  toThrow: (actual: () => unknown, expected?: unknown) => throws(actual, expected),
});

type Matchers = Record<string, (...expected: unknown[]) => unknown>;

function throws(work: () => unknown, expected: unknown): boolean {
  try {
    work();
  } catch (error) {
    return accepts(error, expected);
  }
  return false;
}

function accepts(error: unknown, expected: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  if (expected === undefined) return true;
  if (typeof expected === "string") return message.includes(expected);
  if (expected instanceof RegExp) return expected.test(message);
  if (typeof expected === "function") return error instanceof expected;
  if (expected instanceof Asymmetric) return expected.matches(error);
  return expected instanceof Error && expected.message === message;
}

function matchers(actual: unknown, not: boolean): Matchers {
  const made: Matchers = {};
  for (const [name, check] of Object.entries(MATCHERS)) {
    made[name] = (...expected) => {
      if (check(actual as never, ...(expected as never[])) !== not) return;
      const parts = [shown(actual), not ? `not.${name}` : name, ...expected.map(shown)];
      throw new Error(`expected ${parts.map((part) => part.slice(0, 300)).join(" ")}`);
    };
  }
  return made;
}

/** The matchers on what a promise settles with. */
function settled(promise: Promise<unknown>, rejected: boolean, not: boolean): Matchers {
  const value = promise.then(
    (result) => {
      if (rejected) throw new Error(`expected a rejection, got ${shown(result)}`);
      return result;
    },
    (error: unknown) => {
      if (!rejected) throw error;
      return error;
    },
  );
  const made: Matchers = {};
  for (const name of Object.keys(MATCHERS)) {
    made[name] = (...expected) =>
      value.then((result) => {
        const subject = name === "toThrow" ? () => raise(result) : result;
        return matchers(subject, not)[name]?.(...expected);
      });
  }
  return made;
}

function raise(error: unknown): never {
  throw error;
}

export function expect(actual: unknown): object {
  const promise = actual as Promise<unknown>;
  return {
    ...matchers(actual, false),
    not: matchers(actual, true),
    get resolves() {
      return { ...settled(promise, false, false), not: settled(promise, false, true) };
    },
    get rejects() {
      return { ...settled(promise, true, false), not: settled(promise, true, true) };
    },
  };
}

expect.any = (type: unknown): Asymmetric =>
  new Asymmetric("any", (value) => {
    if (type === Number) return typeof value === "number";
    if (type === String) return typeof value === "string";
    if (type === Boolean) return typeof value === "boolean";
    if (type === Function) return typeof value === "function";
    return value instanceof (type as new () => unknown);
  });
expect.anything = (): Asymmetric => new Asymmetric("anything", (value) => value != null);
expect.objectContaining = (expected: object): Asymmetric =>
  new Asymmetric("objectContaining", (value) =>
    Object.entries(expected).every(
      ([key, part]) => value != null && equal(Reflect.get(Object(value), key), part),
    ),
  );
expect.arrayContaining = (expected: readonly unknown[]): Asymmetric =>
  new Asymmetric(
    "arrayContaining",
    (value) => Array.isArray(value) && expected.every((part) => hasEqual(value, part)),
  );
expect.stringContaining = (expected: string): Asymmetric =>
  new Asymmetric("stringContaining", (value) => typeof value === "string" && value.includes(expected));
expect.stringMatching = (expected: string | RegExp): Asymmetric =>
  new Asymmetric("stringMatching", (value) => typeof value === "string" && new RegExp(expected).test(value));
