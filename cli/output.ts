// SPDX-License-Identifier: MIT
import { asBerthError, BerthError } from "../src/error";
import { SystemFailure, systemError } from "./system-error";

/** What a command ends in: an error of the core, or of the computer. */
export type CliError = BerthError | SystemFailure;

/** Where lines go: the two streams of a process, or a test's. */
export interface Streams {
  /** Takes text for standard output. */
  readonly out: (text: string) => void;
  /** Takes text for standard error. */
  readonly err: (text: string) => void;
}

/** The streams of this process. */
export const processStreams: Streams = Object.freeze({
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
});

/** One thing that happened, as `--json` prints it: an object a line. */
export interface CliEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Prints events: one JSON object a line with `--json`, else the line for people. */
export class Output {
  readonly json: boolean;
  readonly #streams: Streams;

  constructor(json: boolean, streams: Streams) {
    this.json = json;
    this.#streams = streams;
  }

  /** @param line for people; without it the event is for `--json` only. */
  event(event: CliEvent, line?: string): void {
    if (this.json) this.#streams.out(`${JSON.stringify(event)}\n`);
    else if (line !== undefined) this.#streams.out(`${line}\n`);
  }

  /** A line for people only. */
  line(line = ""): void {
    if (!this.json) this.#streams.out(`${line}\n`);
  }

  /** Something worth knowing that stops nothing. */
  warning(message: string): void {
    if (this.json) this.event({ event: "warning", message });
    else this.#streams.err(`berth: ${message}\n`);
  }

  /** @param more further fields of the JSON form. */
  error(error: CliError, more: Record<string, unknown> = {}): void {
    if (this.json) this.event(errorEvent(error, more));
    else this.#streams.err(`berth: ${error.message} [${error.code}]\n`);
  }
}

/** The JSON form of an error; absent details are left out. */
export function errorEvent(error: CliError, more: Record<string, unknown> = {}): CliEvent {
  const { code, message, retriable } = error;
  if (error instanceof SystemFailure) return { event: "error", code, message, retriable, ...more };
  const { status, errorCode, trackingId, retryAfter } = error;
  return { event: "error", code, message, retriable, status, errorCode, trackingId, retryAfter, ...more };
}

/** Any thrown value as an error with a code: a file that cannot be used, or a wrong document, is an argument to correct. */
export function asCliError(error: unknown): CliError {
  const known = systemError(error);
  if (known instanceof SystemFailure) return known;
  if (known instanceof Error && known.name === "DocumentError") {
    return new BerthError("invalid-argument", known.message);
  }
  return asBerthError(known);
}
