// SPDX-License-Identifier: MIT
/** berth-native, see hosts/native/linux/main.ts: one device in a process of its own, driven by lines of JSON. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Command, NativeEvent, Settings } from "../hosts/native/linux/protocol";
import { KEY_VARIABLE } from "./options";

/** How the program ended: by itself, or by a signal. */
export interface NativeEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface NativeProcessHandler {
  onEvent(event: NativeEvent): void;
  /** A line of standard error: what a sanitizer has found, for example. */
  onLine(line: string): void;
}

export class NativeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Resolves when the program has ended and all that it said was handed over; rejects when it could not start. */
  readonly end: Promise<NativeEnd>;

  constructor(program: string, settings: Settings, handler: NativeProcessHandler) {
    const { [KEY_VARIABLE]: _secret, ...environment } = process.env;
    // A group of its own: an interrupt from the keyboard is for the parent, which then ends the device in order.
    this.#child = spawn(program, [], { env: environment, detached: true });
    // A write to a program that has died: its end is reported.
    this.#child.stdin.on("error", () => undefined);
    eachLine(this.#child.stderr, (line) => handler.onLine(line));
    eachLine(this.#child.stdout, (line) => {
      const event = eventOf(line);
      if (event) handler.onEvent(event);
      else handler.onLine(line);
    });
    this.end = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (status, signal) => resolve({ status, signal }));
    });
    this.#write(settings);
  }

  /** Undefined when it could not start. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  tell(command: Command): void {
    this.#write(command);
  }

  /** Ends the input, which ends the program. @param grace milliseconds after which it is killed */
  async close(grace: number): Promise<NativeEnd> {
    const timer = setTimeout(() => this.kill(), grace);
    this.#child.stdin.end();
    try {
      return await this.end;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the program at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #write(line: Settings | Command): void {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  stream.on("end", () => {
    if (rest !== "") take(rest);
  });
}

/** Both sides are ours, so an object is taken as what it says it is. */
function eventOf(line: string): NativeEvent | undefined {
  try {
    return JSON.parse(line) as NativeEvent;
  } catch {
    return undefined;
  }
}
