// SPDX-License-Identifier: MIT
/** One life of an emulated chip, from power on until it has done what it should, or its time is over. */
import type { ChipCloud } from "./chip-cloud";
import { Chip, type QemuFiles } from "./qemu";

export interface LifeOptions extends QemuFiles {
  readonly program: string;
  /** Arguments of QEMU beside ours. */
  readonly more?: readonly string[];
  /** Milliseconds; 0: none. */
  readonly timeout: number;
  /** Takes each line of the serial port. */
  readonly onLine: (line: string) => void;
  /** Ends the life before. */
  readonly signal?: AbortSignal;
}

export type LifeEnd = "done" | "timeout" | "interrupted" | "qemu";

/**
 * Starts the chip; `done`, given to `begin`, ends it by cutting the power.
 * @returns how it ended: `qemu` where QEMU has ended by itself
 */
export async function live(options: LifeOptions, begin: (done: () => void) => void): Promise<LifeEnd> {
  const { program, timeout, onLine, signal } = options;
  let end: (how: LifeEnd) => void = () => {};
  const ended = new Promise<LifeEnd>((resolve) => {
    end = resolve;
  });
  const interrupted = () => end("interrupted");
  signal?.addEventListener("abort", interrupted);
  begin(() => end("done"));
  const chip = new Chip(program, options, onLine);
  chip.ended.then(
    () => end("qemu"),
    () => end("qemu"),
  );
  const timer = timeout > 0 ? setTimeout(() => end("timeout"), timeout) : undefined;
  try {
    if (signal?.aborted) interrupted();
    return await ended;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", interrupted);
    await chip.cut().catch(() => {});
  }
}

/** Ends a life after `count` more messages that the hub has acknowledged. */
export function untilAcknowledged(cloud: ChipCloud, count: number): (done: () => void) => void {
  const wanted = cloud.acknowledged + count;
  return (done) => {
    cloud.onAcknowledged = () => {
      if (cloud.acknowledged >= wanted) done();
    };
  };
}
