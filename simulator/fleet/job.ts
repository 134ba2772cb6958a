// SPDX-License-Identifier: MIT
/** A run in a thread of its own: the heart of a worker's module. */
import { parentPort, workerData } from "node:worker_threads";
import type { Figures } from "./figures";
import { type Progress, type RunOptions, run } from "./run";

export interface JobInput {
  readonly options: RunOptions;
  /** Not 0: the run ends. */
  readonly stop: SharedArrayBuffer;
}

export type JobMessage = { readonly progress: Progress } | { readonly figures: Figures };

/** How often progress is told, milliseconds. */
const TOLD_EVERY = 200;

export function work(): void {
  const { options, stop } = workerData as JobInput;
  // Devices report each error; nobody reads where it was made.
  Error.stackTraceLimit = 0;
  const flag = new Int32Array(stop);
  let told = 0;
  const tell = (message: JobMessage): void => parentPort?.postMessage(message);
  const figures = run(options, (progress) => {
    const now = performance.now();
    if (now - told >= TOLD_EVERY) {
      told = now;
      tell({ progress });
    }
    return Atomics.load(flag, 0) === 0;
  });
  tell({ figures });
}
