// SPDX-License-Identifier: MIT
/** berth-native under sanitizers: one device or connection in a process of its own, all that it tells kept. */
import { test } from "@jest/globals";
import { NativeProcess as Driver } from "../../cli/native-process";
import type { Command, Settings } from "../../hosts/native/linux/protocol";
import { buildNative, NativeUnavailable } from "../../hosts/native/scripts/build";

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

/** Longer than any test. */
const GRACE = 600_000;

export class NativeProcess {
  readonly events: NativeEvent[] = [];
  readonly end: Promise<NativeEnd>;
  readonly #process: Driver;
  readonly #watchers = new Set<() => void>();
  readonly #stderr: string[] = [];
  #ended = false;

  /** @param settings also wrong ones */
  constructor(settings: object) {
    this.#process = new Driver(native?.host ?? "", settings as Settings, {
      onEvent: (event) => {
        this.events.push({ ...event });
        this.#wake();
      },
      onLine: (line) => this.#stderr.push(line),
    });
    this.end = this.#process.end.then(({ status }) => {
      this.#ended = true;
      this.#wake();
      return { status, stderr: this.#stderr.join("\n") };
    });
  }

  /** Of the events with this name. */
  of(name: string): NativeEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  tell(line: Command): void {
    this.#process.tell(line);
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
        else
          reject(new Error(`berth-native ended: ${this.#stderr.join("\n")} ${JSON.stringify(this.events)}`));
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Ends the input, which ends the program. */
  async stop(): Promise<NativeEnd> {
    await this.#process.close(GRACE);
    return this.end;
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
