// SPDX-License-Identifier: MIT
/** What differs between a board and a simulator, as a simulator has it. `board.ts` has the same names. */
import type { Led } from "../indicator";
import type { ButtonClass } from "../long-press";

/** @returns undefined: a simulator starts because a person starts it */
export function restartReason(): string | undefined {
  return undefined;
}

/** Ends the run with status 75 where the headless runner listens; a simulator cannot restart itself. */
export function restart(): void {
  end(75);
}

/** Ends the run where the headless runner listens. The argument is its exit status, 0 to 97. */
export const finish: ((status: number) => void) | undefined = end;

function end(status: number): void {
  const { screen } = globalThis as { screen?: { postMessage(message: string): void } };
  screen?.postMessage(`exit ${status}`);
}

export function led(): Led | undefined {
  return undefined;
}

export function button(): { readonly io: ButtonClass } | undefined {
  return undefined;
}
