// SPDX-License-Identifier: MIT
import { asBerthError, BerthError } from "../src/error";
import { printable, printableJson } from "./printable";
import { SystemFailure, systemError } from "./system-error";

/** What a command ends in: an error of the core, or of the computer. */
export type CliError = BerthError | SystemFailure;

/** Where lines go: the two streams of a process, or a test's. */
export interface Streams {
  /** Takes text for standard output. */
  readonly out: (text: string) => void;
  /** Takes text for standard error. */
  readonly err: (text: string) => void;
  /** Bytes of `out`, or `err`, that its reader has not taken; absent where they do not wait. */
  readonly waiting?: (stream: StreamName) => number;
  /** Calls back once the reader of the stream has taken all. */
  readonly onDrained?: (stream: StreamName, call: () => void) => void;
}

/** Of `Streams`. */
export type StreamName = "out" | "err";

/** The streams of this process. */
export const processStreams: Streams = Object.freeze({
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
  waiting: (stream: StreamName) => nodeStream(stream).writableLength,
  onDrained: (stream: StreamName, call: () => void) => void nodeStream(stream).once("drain", call),
});

function nodeStream(stream: StreamName): NodeJS.WriteStream {
  return stream === "out" ? process.stdout : process.stderr;
}

/** Bytes that may wait for a slow reader before `passing` leaves lines out. */
const MOST_WAITING = 1024 * 1024;

/** One thing that happened, as `--json` prints it: an object a line. */
export interface CliEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Prints events: one JSON object a line with `--json`, else the line for people. Nothing in it can steer a terminal. */
export class Output {
  readonly json: boolean;
  readonly #streams: Streams;
  /** Events that were not printed since the reader of the stream fell behind. */
  readonly #leftOut = { out: 0, err: 0 };

  constructor(json: boolean, streams: Streams) {
    this.json = json;
    this.#streams = streams;
  }

  /** @param line for people; without it the event is for `--json` only. */
  event(event: CliEvent, line?: string): void {
    if (this.json) this.#streams.out(`${printableJson(JSON.stringify(event))}\n`);
    else if (line !== undefined) this.line(line);
  }

  /**
   * As `event`, for one of those that come for as long as a command runs: while the reader is 1 MB behind they are left
   * out, and their number is told when it has caught up. What must not be lost is an `event`.
   */
  passing(event: CliEvent, line?: string): void {
    if (!this.json && line === undefined) return;
    if (this.#takes("out")) this.event(event, line);
  }

  /** As `warning`, and as `passing`. */
  passingWarning(message: string): void {
    if (this.#takes(this.json ? "out" : "err")) this.warning(message);
  }

  /** @returns false when the line is left out, and counted */
  #takes(stream: StreamName): boolean {
    const { waiting, onDrained } = this.#streams;
    if (this.#leftOut[stream] === 0 && (waiting?.(stream) ?? 0) < MOST_WAITING) return true;
    this.#leftOut[stream] += 1;
    if (this.#leftOut[stream] === 1) onDrained?.(stream, () => this.#tellLeftOut(stream));
    return false;
  }

  #tellLeftOut(stream: StreamName): void {
    const count = this.#leftOut[stream];
    this.#leftOut[stream] = 0;
    const line = `(${count} lines left out: what reads them is too slow)`;
    if (stream === "out") this.event({ event: "left-out", count }, line);
    else this.#streams.err(`berth: ${line}\n`);
  }

  /** A line for people only. */
  line(line = ""): void {
    if (!this.json) this.#streams.out(`${printable(line)}\n`);
  }

  /** An event that people get on standard error. */
  trouble(event: CliEvent, line: string): void {
    if (this.json) this.event(event);
    else this.#streams.err(`berth: ${printable(line)}\n`);
  }

  /** Something worth knowing that stops nothing. */
  warning(message: string): void {
    this.trouble({ event: "warning", message }, message);
  }

  /** @param more further fields of the JSON form. */
  error(error: CliError, more: Record<string, unknown> = {}): void {
    this.trouble(errorEvent(error, more), `${error.message} [${error.code}]`);
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
