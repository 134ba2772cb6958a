// SPDX-License-Identifier: MIT
/** Programs that the scripts start end with them. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/**
 * Starts a program. SIGINT and SIGTERM of this process are handed on to it until it has ended, and this process then
 * ends in order.
 */
export function spawnChild(
  command: string,
  parameters: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const forward = (signal: NodeJS.Signals) => {
    child.kill(signal);
  };
  // Before the start: a program can be heard of before `spawn` has returned, and a signal then waits for this.
  process.on("SIGINT", forward);
  process.on("SIGTERM", forward);
  const child = spawn(command, parameters, options);
  const release = () => {
    process.off("SIGINT", forward);
    process.off("SIGTERM", forward);
  };
  child.once("close", release);
  child.once("error", release);
  return child;
}
