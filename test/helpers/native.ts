// SPDX-License-Identifier: MIT
/** berth-native under sanitizers: one device or connection in a process of its own, driven by lines of JSON. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { test } from "@jest/globals";
import { buildNative, NativeUnavailable } from "../../scripts/build-native";

async function tryBuild() {
  try {
    return await buildNative({ sanitize: true });
  } catch (error) {
    if (!(error instanceof NativeUnavailable) || process.env.CI) throw error;
    console.warn(error.message);
    return undefined;
  }
}

/** The programs; undefined where they cannot be built. In CI that is an error. */
export const native = await tryBuild();

/** A test that is skipped, visibly, where there is no native host. */
export const withNative = native ? test : test.skip;
export const withNativeEach = withNative.each;

/** The DER of the first certificate or key in `pem`, in base64. */
export function derOf(pem: string): string {
  return (/-----BEGIN[^-]+-----([^-]+)-----END/.exec(pem)?.[1] ?? "").replace(/\s/g, "");
}

export interface NativeEvent {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** How the program ended. What a sanitizer found is on standard error, a leak included. */
export interface NativeEnd {
  readonly status: number | null;
  readonly stderr: string;
}

export class NativeProcess {
  readonly events: NativeEvent[] = [];
  readonly end: Promise<NativeEnd>;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #watchers = new Set<() => void>();
  #ended = false;
  #stderr = "";
  #rest = "";

  constructor(settings: object) {
    this.#process = spawn(native?.host ?? "", [], {
      env: { ...process.env, ASAN_OPTIONS: "detect_leaks=1", UBSAN_OPTIONS: "print_stacktrace=1" },
    });
    this.#process.stdout.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#process.stdin.on("error", () => undefined);
    this.end = new Promise((resolve) => {
      this.#process.once("close", (status) => {
        this.#ended = true;
        for (const watcher of [...this.#watchers]) watcher();
        resolve({ status, stderr: this.#stderr });
      });
    });
    this.tell(settings);
  }

  /** Of the events with this name. */
  of(name: string): NativeEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  tell(line: object): void {
    this.#process.stdin.write(`${JSON.stringify(line)}\n`);
  }

  send(payload: string): void {
    this.tell({ command: "send", payload });
  }

  /** Resolves with the event number `index` of this name. @throws Error when the program ends before it */
  async next(name: string, index = 0): Promise<NativeEvent> {
    await this.until(() => this.of(name).length > index);
    return this.of(name)[index] as NativeEvent;
  }

  /** Resolves once `done` holds; it is looked at after each event. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher = (): void => {
        if (!done() && !this.#ended) return;
        this.#watchers.delete(watcher);
        if (done()) resolve();
        else reject(new Error(`berth-native ended: ${this.#stderr} ${JSON.stringify(this.events)}`));
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Ends the input, which ends the program. */
  async stop(): Promise<NativeEnd> {
    this.#process.stdin.end();
    return this.end;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.events.push(JSON.parse(line) as NativeEvent);
    for (const watcher of [...this.#watchers]) watcher();
  }
}
