// SPDX-License-Identifier: MIT
/** Runs `berth` in a test: in this process for short commands, as a process of its own for the whole way. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "../../cli/main";

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** What `berth` keeps in the home directory of a person, for this test file. */
export const HOME = mkdtempSync(join(tmpdir(), "berth-test-home-"));
process.on("exit", () => rmSync(HOME, { recursive: true, force: true }));

/** Of a process, without what the one who tests has set. */
function environmentOf(more: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("BERTH_")),
  );
  return { ...inherited, BERTH_HOME: HOME, ...more };
}

/** In this process. */
export function berth(...words: string[]): Promise<Ended> {
  return berthIn({}, ...words);
}

/** As `berth`, with environment variables. */
export async function berthIn(
  environment: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<Ended> {
  let out = "";
  let err = "";
  const streams = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const status = await main(["node", "berth", ...words], streams, {
    ...process.env,
    BERTH_HOME: HOME,
    ...environment,
  });
  return { status, out, err };
}

export type Event = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Each line of `out` as an event; a line that is no JSON object fails the test. */
export function eventsOf(out: string): Event[] {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);
}

const BERTH = fileURLToPath(new URL("../../cli/berth.js", import.meta.url));

/** `node cli/berth.js` as a user starts it. */
export class BerthProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #out = "";
  #err = "";
  #waiting: (() => void)[] = [];
  #over = false;

  /** It leads a process group of its own, so that `interruptGroup` can stand for the keyboard. */
  constructor(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [BERTH, ...words], {
      env: environmentOf(environment),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const wake = () => {
      for (const one of this.#waiting.splice(0)) one();
    };
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#out += text;
      wake();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#err += text;
    });
    this.ended = new Promise((resolve) =>
      this.#child.on("close", (status) => {
        this.#over = true;
        wake();
        resolve({ status, out: this.#out, err: this.#err });
      }),
    );
  }

  /** What has come on standard output so far, whole lines only. */
  output(): string {
    return this.#out.slice(0, this.#out.lastIndexOf("\n") + 1);
  }

  /** The first event of that name with these fields; the test fails when the process ends without it. */
  async event(name: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Event> {
    const wanted = Object.entries({ event: name, ...fields });
    for (;;) {
      const found = eventsOf(this.output()).find((event) =>
        wanted.every(([field, value]) => event[field] === value),
      );
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`ended without "${name}": ${this.#out}${this.#err}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Stops to read its standard output, as `head` does. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    if (!this.#over) this.#child.kill(signal);
  }

  /** SIGINT to the process and all that it started in its group, as Ctrl-C sends it. */
  interruptGroup(): void {
    if (!this.#over && this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGINT");
  }
}
