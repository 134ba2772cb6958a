// SPDX-License-Identifier: MIT
/** Stands in for `@jest/globals` inside XS, where Jest cannot run. */

export { expect } from "./expect";

type Work = (...values: unknown[]) => unknown;

interface Case {
  readonly name: string;
  readonly work: () => unknown;
  readonly before: readonly Work[];
  readonly after: readonly Work[];
}

/** What became of the tests of one file. */
export interface TestReport {
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  /** Waited for something that never came: a timer, for example. */
  readonly unfinished: readonly string[];
}

const cases: Case[] = [];
let path: readonly string[] = [];
let before: readonly Work[] = [];
let after: readonly Work[] = [];

export function test(name: string, work: Work): void {
  cases.push({ name: [...path, name].join(" > "), work: () => work(), before, after });
}

test.each =
  (rows: readonly unknown[]) =>
  (name: string, work: Work): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      test(format(name, values), () => work(...values));
    }
  };
test.skip = (): void => {};

export const it = test;

export function describe(name: string, define: () => void): void {
  const outer = [path, before, after] as const;
  path = [...path, name];
  define();
  [path, before, after] = outer;
}

describe.each =
  (rows: readonly unknown[]) =>
  (name: string, define: (...values: unknown[]) => void): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      describe(format(name, values), () => define(...values));
    }
  };

export function beforeEach(work: Work): void {
  before = [...before, work];
}

export function afterEach(work: Work): void {
  after = [work, ...after];
}

/**
 * Runs all tests one after the other; `report` says at any time how far they are.
 * @param onTest called with the name of each test before it runs
 */
export function runTests(onTest: (name: string) => void): { readonly report: () => TestReport } {
  let passed = 0;
  let done = 0;
  const failed: { name: string; error: string }[] = [];
  const run = async (): Promise<void> => {
    for (const { name, work, before: first, after: last } of cases) {
      onTest(name);
      try {
        for (const prepare of first) await prepare();
        await work();
        for (const tidy of last) await tidy();
        passed += 1;
      } catch (error) {
        const text =
          error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
        failed.push({ name, error: text });
      }
      done += 1;
    }
  };
  run();
  return { report: () => ({ passed, failed, unfinished: cases.slice(done).map(({ name }) => name) }) };
}

/** As far as the names of the tests use it. */
function format(name: string, values: readonly unknown[]): string {
  let next = 0;
  return name.replace(/%[sdijop#%]/g, (mark) => (mark === "%%" ? "%" : String(values[next++])));
}
