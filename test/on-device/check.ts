// SPDX-License-Identifier: MIT
/** What the cases say of what they see. A case that throws has failed. */
import { BerthError } from "../../src/error";

/** A case: its name says the behaviour. It may take as long as it likes within `LONGEST_CASE`. */
export interface Case {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** @throws Error when the two differ; bytes and texts are compared by their content, all else as JSON */
export function equal(actual: unknown, expected: unknown): void {
  if (expected instanceof Uint8Array) {
    sameBytes(actual, expected);
    return;
  }
  const [a, b] = [shown(actual), shown(expected)];
  if (a !== b) throw new Error(`${a} instead of ${b}`);
}

/** Without a text of them: `join` of 4,000 takes 110 KB of XS, which keeps what it has grown by. */
function sameBytes(actual: unknown, expected: Uint8Array): void {
  if (!(actual instanceof Uint8Array))
    throw new Error(`${String(actual)} instead of ${expected.length} bytes`);
  if (actual.length !== expected.length)
    throw new Error(`${actual.length} bytes instead of ${expected.length}`);
  for (let i = 0; i < actual.length; i += 1) {
    if (actual[i] !== expected[i]) throw new Error(`byte ${i} is ${actual[i]} instead of ${expected[i]}`);
  }
}

/** @throws Error when it is not so */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** @throws Error when `work` does not throw, or throws something else than a BerthError with this code */
export function refused(code: string, work: () => unknown): void {
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  equal(thrown instanceof BerthError ? thrown.code : `no BerthError: ${String(thrown)}`, code);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
