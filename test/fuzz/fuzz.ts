// SPDX-License-Identifier: MIT
/** Structured mutation of a corpus, the same for the same seed. */
import { mutate } from "./mutate";
import { Random } from "./random";
import type { Target } from "./targets";

export interface Finding {
  readonly target: string;
  readonly error: string;
  readonly bytes: readonly number[];
}

/**
 * @param corpus by target, none empty
 * @param more false ends it; asked before each execution
 * @returns how often a target was executed, and the first finding
 */
export function fuzz(
  targets: Readonly<Record<string, Target>>,
  corpus: Readonly<Record<string, readonly Uint8Array[]>>,
  seed: number,
  more: (executions: number) => boolean,
): { executions: number; finding?: Finding } {
  const random = new Random(seed);
  const names = Object.keys(targets);
  let executions = 0;
  while (more(executions)) {
    const target = random.pick(names);
    const samples = corpus[target] ?? [];
    const bytes = mutate(random.pick(samples), random.pick(samples), random);
    executions += 1;
    try {
      targets[target]?.(bytes);
    } catch (error) {
      return { executions, finding: { target, error: String(error), bytes: [...bytes] } };
    }
  }
  return { executions };
}
