// SPDX-License-Identifier: MIT
import { EXIT } from "./context";

/** SIGINT and SIGTERM as an AbortSignal. A second one ends the process as usual. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** The exit status that belongs to the signal; undefined while there was none. */
  status(): number | undefined;
  /** Gives the signals back. */
  release(): void;
}

/** Starts to listen. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  let status: number | undefined;
  const end = (value: number) => () => {
    status = value;
    release();
    controller.abort();
  };
  const interrupted = end(EXIT.interrupted);
  const terminated = end(EXIT.terminated);
  const release = () => {
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", terminated);
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", terminated);
  return { signal: controller.signal, status: () => status, release };
}
