// SPDX-License-Identifier: MIT
/**
 * Drives one XS machine in a process of its own: the worker of `@agoric/xsnap`, spoken to directly by netstrings
 * on its file descriptors 3 and 4. The package's JavaScript wrapper would freeze Node's own objects.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import type { Engine } from "./engine";
import { NetstringReader, netstring } from "./netstring";

/** What an evaluation or a delivery gave back. */
export interface XsReply {
  /** Bytes of the result where it was an ArrayBuffer, or had one as its `result`; else none. */
  readonly bytes: Uint8Array;
  /** Computrons: steps of the engine, the same from run to run. */
  readonly compute: number;
}

/** The script in XS threw; the message is its text. */
export class XsError extends Error {
  override readonly name = "XsError";
}

/** The worker's process has ended, or could not start. */
export class XsExited extends Error {
  override readonly name = "XsExited";
}

/** By exit code, see `ExitCode` in xsnap-worker.c. */
const EXITS: Readonly<Record<number, string>> = Object.freeze({
  2: "input or output failed",
  11: "out of memory",
  12: "stack overflow",
  15: "unhandled exception",
  16: "no more keys",
  17: "too much computation",
});

export interface XsWorkerOptions {
  /**
   * Answers `issueCommand(request)` in XS, which waits for it. It must not wait for the worker in turn.
   * Without it a request is answered by no bytes.
   */
  readonly onCommand?: (request: Uint8Array) => Uint8Array;
  /** One line of `print` in XS, or of the worker's standard error: an unhandled rejection for example. */
  readonly onLine?: (line: string) => void;
  /** First blocks of the heap; the worker's own default is 32 MB and 262,144 slots. */
  readonly heap?: { readonly bytes: number; readonly slots: number };
  /** Slots of the stack; the worker's own default is 4,096. */
  readonly stack?: number;
}

const FROM_XS = Object.freeze({ OK: 0x2e, ERROR: 0x21, COMMAND: 0x3f } as const);
const NO_BYTES = new Uint8Array(0);
const decoder = new TextDecoder();

interface Waiting {
  readonly frame: Uint8Array;
  resolve(reply: XsReply): void;
  reject(error: Error): void;
}

export class XsWorker {
  readonly #child: ChildProcess;
  readonly #input: Duplex;
  readonly #options: XsWorkerOptions;
  /** The first one has been sent, the others follow one by one: a worker that waits for an answer takes nothing else. */
  readonly #waiting: Waiting[] = [];
  /** Why nothing can be sent any more. */
  #ended: Error | undefined;
  #closing = false;
  /** Resolves with the reason when the process has ended, however; it does not reject. */
  readonly exit: Promise<Error>;

  constructor(engine: Engine, options: XsWorkerOptions = {}) {
    this.#options = options;
    const { heap, stack } = options;
    this.#child = spawn(engine.path, [], {
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      env: {
        ...(heap && { BERTH_XS_HEAP: `${heap.bytes},${heap.slots}` }),
        ...(stack && { BERTH_XS_STACK: String(stack) }),
      },
    });
    this.#input = this.#child.stdio[3] as Duplex;
    const output = this.#child.stdio[4] as Duplex;
    const reader = new NetstringReader((payload) => this.#take(payload));
    // A write to a worker that has died: its end is reported by `close`.
    this.#input.on("error", () => {});
    output.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#end(error as Error);
        this.#child.kill();
      }
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      this.#lines(stream as NodeJS.ReadableStream);
    this.exit = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        resolve(this.#end(new XsExited(`the XS worker did not start: ${error.message}`)));
      });
      this.#child.on("close", (code, killedBy) => {
        const how = EXITS[code ?? -1] ?? killedBy ?? `exit code ${code}`;
        const told = this.#closing && code === 0 ? "the XS worker was closed" : `the XS worker ended: ${how}`;
        resolve(this.#end(new XsExited(told)));
      });
    });
  }

  /** Runs a script. @throws XsError when it throws; XsExited */
  evaluate(source: string): Promise<XsReply> {
    return this.#command("e", Buffer.from(source));
  }

  /** Calls the global `handleCommand` with an ArrayBuffer. @throws XsError when it throws; XsExited */
  deliver(bytes: Uint8Array): Promise<XsReply> {
    return this.#command("?", bytes);
  }

  /** Ends the worker when it has done what it was sent. Idempotent. */
  async close(): Promise<void> {
    if (!this.#ended && !this.#closing) {
      this.#closing = true;
      if (this.#waiting.length === 0) this.#quit();
    }
    await this.exit;
  }

  /** Ends the worker at once. Idempotent. */
  async kill(): Promise<void> {
    this.#end(new XsExited("the XS worker was closed"));
    this.#child.kill("SIGKILL");
    await this.exit;
  }

  #command(kind: string, bytes: Uint8Array): Promise<XsReply> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#closing) return Promise.reject(new XsExited("the XS worker was closed"));
    return new Promise((resolve, reject) => {
      const frame = netstring(kind, bytes);
      this.#waiting.push({ frame, resolve, reject });
      if (this.#waiting.length === 1) this.#input.write(frame);
    });
  }

  #quit(): void {
    this.#input.write(netstring("q", NO_BYTES));
  }

  #take(payload: Uint8Array): void {
    const rest = payload.subarray(1);
    if (payload[0] === FROM_XS.COMMAND) {
      this.#input.write(netstring("/", this.#options.onCommand?.(rest) ?? NO_BYTES));
      return;
    }
    const waiting = this.#waiting.shift();
    if (!waiting) throw new Error("the XS worker answered nothing that was asked");
    const next = this.#waiting[0];
    if (next) this.#input.write(next.frame);
    else if (this.#closing) this.#quit();
    if (payload[0] === FROM_XS.ERROR) waiting.reject(new XsError(decoder.decode(rest)));
    else {
      // Meter in JSON, 0x01, the reply.
      const end = rest.indexOf(1);
      const meter = JSON.parse(decoder.decode(rest.subarray(0, end))) as { compute: number };
      waiting.resolve({ bytes: rest.slice(end + 1), compute: meter.compute });
    }
  }

  #lines(stream: NodeJS.ReadableStream): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#options.onLine?.(line);
    });
  }

  #end(reason: Error): Error {
    this.#ended ??= reason;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#ended);
    return this.#ended;
  }
}
