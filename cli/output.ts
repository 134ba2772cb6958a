// SPDX-License-Identifier: MIT
import { styleText } from "node:util";
import { asBerthError, BerthError } from "../src/error";
import { printable, printableJson } from "./printable";
import { ServiceFailure } from "./service/failure";
import { SystemFailure, systemError } from "./system-error";

/** What a command ends in: an error of the core, of the computer, or of a service. */
export type CliError = BerthError | SystemFailure | ServiceFailure;

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
  /** Characters of a line; undefined where it is no terminal. */
  readonly columns?: (stream: StreamName) => number | undefined;
  /** `text` in a colour, where the stream and its reader take colours. */
  readonly style?: (stream: StreamName, format: Style, text: string) => string;
}

/** Of `Streams`. */
export type StreamName = "out" | "err";

/** Of `util.styleText`. */
export type Style = "red" | "green" | "yellow" | "cyan" | "magenta" | "dim";

/** The streams of this process. */
export const processStreams: Streams = Object.freeze({
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
  waiting: (stream: StreamName) => nodeStream(stream).writableLength,
  onDrained: (stream: StreamName, call: () => void) => void nodeStream(stream).once("drain", call),
  columns: (stream: StreamName) => (nodeStream(stream).isTTY ? nodeStream(stream).columns : undefined),
  style: (stream: StreamName, format: Style, text: string) =>
    styleText(format, text, { stream: nodeStream(stream) }),
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
  event(event: CliEvent | { readonly event: object }, line?: string, style?: Style): void {
    if (this.json) this.#streams.out(`${printableJson(JSON.stringify(event))}\n`);
    else if (line !== undefined) this.line(line, style);
  }

  /**
   * As `event`, for one of those that come for as long as a command runs: while the reader is 1 MB behind they are left
   * out, and their number is told when it has caught up. What must not be lost is an `event`.
   */
  passing(event: CliEvent | { readonly event: object }, line?: string, style?: Style): void {
    if (!this.json && line === undefined) return;
    if (this.#takes("out")) this.event(event, line, style);
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
  line(line = "", style?: Style): void {
    if (!this.json) this.#put("out", wrapped(printable(line), this.#streams.columns?.("out")), style);
  }

  #put(stream: StreamName, text: string, style: Style | undefined): void {
    const styled = style === undefined ? text : (this.#streams.style?.(stream, style, text) ?? text);
    this.#streams[stream](`${styled}\n`);
  }

  /** An event that people get on standard error. */
  trouble(event: CliEvent, line: string): void {
    if (this.json) this.event(event);
    else {
      const text = wrapped(`berth: ${printable(line)}`, this.#streams.columns?.("err"));
      this.#put("err", text, event.event === "error" ? "red" : "yellow");
    }
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

/** `text` on lines of at most `width` characters, broken between words; those that go on are indented by two more. */
export function wrapped(text: string, width: number | undefined): string {
  if (width === undefined || text.length <= width) return text;
  const margin = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let indent = "";
  // Where the line's first word begins.
  let from = margin.length;
  let rest = 0;
  for (;;) {
    const end = rest + width - indent.length;
    if (text.length <= end) break;
    // The last blank that leaves no more than the width before it; else the first one.
    const last = text.lastIndexOf(" ", end);
    const at = last > from ? last : text.indexOf(" ", from);
    if (at < 0) break;
    lines.push(indent + text.slice(rest, at).trimEnd());
    for (rest = at; text[rest] === " "; ) rest++;
    from = rest;
    indent = `${margin}  `;
  }
  return [...lines, indent + text.slice(rest)].join("\n");
}

/** The JSON form of an error; absent details are left out. */
export function errorEvent(error: CliError, more: Record<string, unknown> = {}): CliEvent {
  const { code, message, retriable } = error;
  if (error instanceof SystemFailure) return { event: "error", code, message, retriable, ...more };
  if (error instanceof ServiceFailure) {
    const { status, errorCode } = error;
    return { event: "error", code, message, retriable, status, errorCode, ...more };
  }
  const { status, errorCode, trackingId, retryAfter } = error;
  return { event: "error", code, message, retriable, status, errorCode, trackingId, retryAfter, ...more };
}

/** Any thrown value as an error with a code: a file that cannot be used, or a wrong document, is an argument to correct. */
export function asCliError(error: unknown): CliError {
  const known = systemError(error);
  if (known instanceof SystemFailure || known instanceof ServiceFailure) return known;
  if (known instanceof Error && known.name === "DocumentError") {
    return new BerthError("invalid-argument", known.message);
  }
  return asBerthError(known);
}
