// SPDX-License-Identifier: MIT
import type { Streams } from "./output";

/** What a command gets from the process, so that a test can hand in its own. */
export interface CommandContext {
  readonly streams: Streams;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Sets the exit status of the process; 0 until then. */
  readonly exit: (status: number) => void;
}

/** Exit statuses of `berth`. */
export const EXIT = Object.freeze({
  /** What was asked for has happened. */
  done: 0,
  /** It has not; the last error says why. */
  failed: 1,
  /** The command line is wrong, or what it names cannot be used: another one mends it. */
  usage: 2,
  /** Interrupted; 128 and the number of SIGINT or SIGTERM, as shells have it. */
  interrupted: 130,
  terminated: 143,
});
