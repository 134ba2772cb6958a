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
  const [a, b] = [shown(actual), shown(expected)];
  if (a !== b) throw new Error(`${a} instead of ${b}`);
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
  if (value instanceof ArrayBuffer) return shown(new Uint8Array(value));
  if (value instanceof Uint8Array) return `bytes ${value.join(",")}`;
  return JSON.stringify(value) ?? String(value);
}
