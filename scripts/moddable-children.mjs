// SPDX-License-Identifier: MIT
/** Programs that the scripts start end with them. */

/**
 * Hands SIGINT and SIGTERM of this process on to a program until it has ended; this process then ends in order.
 * @param {import("node:child_process").ChildProcess} child
 */
export function forwardSignals(child) {
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    child.kill(signal);
  };
  process.on("SIGINT", forward);
  process.on("SIGTERM", forward);
  child.once("close", () => {
    process.off("SIGINT", forward);
    process.off("SIGTERM", forward);
  });
}
