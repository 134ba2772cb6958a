// SPDX-License-Identifier: MIT
/** A scenario under several rules, a thread each, as many at a time as there are cores. */
import { availableParallelism, freemem } from "node:os";
import { Worker } from "node:worker_threads";
import type { Figures } from "./figures";
import type { JobInput, JobMessage } from "./job";
import type { Rules } from "./rules";
import type { Progress, RunOptions } from "./run";

/** Bytes of a device in a run: two and a half times what it has at rest (`npx tsx bench/fleet.ts`), for what is not collected. */
export const DEVICE_BYTES: Readonly<Record<"berth" | "peer", number>> = Object.freeze({
  berth: 24_000,
  peer: 3_000,
});
/** What a run takes without any. */
const BASE_BYTES = 64_000_000;
/** Of the memory that is free, this part may be taken. */
const SHARE = 0.8;

/** Threads at a time. */
export const THREADS = Math.min(2, availableParallelism());

/** How many devices fit the memory that is free now, with `berth` in one thread and another SDK in the other. */
export function mostDevices(free = freemem()): number {
  const each = DEVICE_BYTES.berth + (THREADS - 1) * DEVICE_BYTES.peer;
  return Math.max(0, Math.floor((free * SHARE - THREADS * BASE_BYTES) / each));
}

export interface FleetCalls {
  /** The built module of `worker.ts`. */
  readonly worker: URL;
  readonly signal: AbortSignal;
  onProgress(rules: Rules, progress: Progress): void;
}

/** @returns the figures of each, in the order of `rules`; of those that had not begun when the signal came none */
export async function runFleet(
  options: Omit<RunOptions, "rules">,
  rules: readonly Rules[],
  { worker, signal, onProgress }: FleetCalls,
): Promise<Partial<Record<Rules, Figures>>> {
  const found: Partial<Record<Rules, Figures>> = {};
  const stop = new SharedArrayBuffer(4);
  const end = (): void => void Atomics.store(new Int32Array(stop), 0, 1);
  signal.addEventListener("abort", end);
  const waiting = [...rules];
  const lane = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
      const job: JobInput = { options: { ...options, rules: one }, stop };
      found[one] = await inThread(job, worker, (progress) => onProgress(one as Rules, progress));
    }
  };
  try {
    await Promise.all(Array.from({ length: THREADS }, lane));
  } finally {
    // Where one of them failed the others end, too.
    end();
    signal.removeEventListener("abort", end);
  }
  return found;
}

function inThread(job: JobInput, module: URL, onProgress: (progress: Progress) => void): Promise<Figures> {
  const { devices, rules } = job.options;
  const bytes = BASE_BYTES + devices * DEVICE_BYTES[rules === "berth" ? "berth" : "peer"];
  // The collector works little where there is room.
  const resourceLimits = {
    maxOldGenerationSizeMb: Math.ceil((2 * bytes) / 1e6) + 256,
    maxYoungGenerationSizeMb: 64,
  };
  return new Promise((resolve, reject) => {
    const worker = new Worker(module, { workerData: job, resourceLimits });
    worker.on("message", (message: JobMessage) => {
      if ("figures" in message) resolve(message.figures);
      else onProgress(message.progress);
    });
    worker.on("error", reject);
    worker.on("exit", (status) => reject(new Error(`the thread of ${rules} ended with ${status}`)));
  });
}
