// SPDX-License-Identifier: MIT
/** Fuzzes targets in turn, on Node under guidance of coverage, and gives what it runs there to XS as well. */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Engine } from "../../hosts/xs/engine";
import type { Finding } from "./guided";
import { placeOf } from "./hits";
import { type Instrumented, instrument, type Place } from "./instrument";
import { XsReplay } from "./on-xs";
import { reduce } from "./reduce";
import { InHand, type Reply, type Request, sameRule } from "./worker";

/** What a target has come to. */
export interface Standing {
  readonly target: string;
  readonly executions: number;
  readonly executionsOnXs: number;
  /** Milliseconds in which the executions on Node were made. */
  readonly time: number;
  /** By file: how many branches it has, and how many were taken; files without any are left out. */
  readonly branches: readonly { readonly file: string; readonly taken: number; readonly all: number }[];
  readonly finding: Finding | undefined;
}

export interface CampaignOptions {
  /** A module that exports `targets`, path from the project's root. */
  readonly module: string;
  /** What counts as under test, by path from the project's root. */
  readonly measured: RegExp;
  readonly seed: number;
  /** Undefined: Node only. */
  readonly engine: Engine | undefined;
  /** An input that takes longer never ends, milliseconds. */
  readonly longest: number;
  /** Of these XS has the targets; others run on Node only. */
  readonly onXs: ReadonlySet<string>;
}

interface Progress {
  executions: number;
  executionsOnXs: number;
  time: number;
  reached: readonly number[];
  finding: Finding | undefined;
}

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #built: Instrumented;
  readonly #worker: Worker;
  readonly #inHand: InHand;
  readonly #xs: XsReplay | undefined;
  readonly #progress = new Map<string, Progress>();
  /** The thread had to be ended: nothing more can be asked. */
  #hangs = false;
  #comparison: Promise<void> = Promise.resolve();

  private constructor(options: CampaignOptions, built: Instrumented, xs: XsReplay | undefined) {
    this.#options = options;
    this.#built = built;
    this.#xs = xs;
    const shared = new SharedArrayBuffer(InHand.BYTES);
    this.#inHand = new InHand(shared);
    this.#worker = new Worker(built.file, { workerData: { shared } });
  }

  static async open(options: CampaignOptions): Promise<Campaign> {
    const built = await instrument(
      `import { targets } from "./${options.module}"; import { serve } from "./test/fuzz/worker"; serve(targets);`,
      options.measured,
    );
    return new Campaign(options, built, options.engine && (await XsReplay.open(options.engine)));
  }

  /** An input did not end, and with it the whole campaign. */
  get hangs(): boolean {
    return this.#hangs;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
    await this.#xs?.close();
    rmSync(dirname(this.#built.file), { recursive: true, force: true });
  }

  /** Runs the samples of a target. */
  async start(target: string, samples: readonly Uint8Array[]): Promise<void> {
    const progress: Progress = { executions: 0, executionsOnXs: 0, time: 0, reached: [], finding: undefined };
    this.#progress.set(target, progress);
    // A seed of its own, so that a target does the same with others and without.
    let seed = this.#options.seed;
    for (const character of target) seed = Math.imul(seed, 31) + character.charCodeAt(0);
    await this.#ask({ call: "open", target, seed, samples }, progress);
    await this.#compareBeside(target, samples, progress);
  }

  /** Runs so many mutations more. */
  async round(target: string, executions: number): Promise<void> {
    const progress = this.#progressOf(target);
    const { samples } = await this.#ask({ call: "run", target, executions }, progress);
    await this.#compareBeside(target, samples, progress);
  }

  /** Waits for XS. */
  async settle(): Promise<void> {
    await this.#comparison;
  }

  /** Makes what broke a rule of the target as short as it can be. */
  async conclude(target: string): Promise<void> {
    await this.settle();
    const progress = this.#progressOf(target);
    if (progress.finding) progress.finding = await this.#reduced(target, progress.finding);
  }

  /** The least samples that have all that was reached and `given` have not. */
  async cover(target: string, given: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const { samples } = await this.#ask({ call: "cover", target, given }, this.#progressOf(target));
    return samples;
  }

  standing(target: string): Standing {
    const { executions, executionsOnXs, time, reached, finding } = this.#progressOf(target);
    const taken = new Set(reached.map(placeOf));
    return {
      target,
      executions,
      executionsOnXs,
      time,
      finding,
      branches: branchesOf(this.#built.places, taken),
    };
  }

  /** Branches of measured files that no target has taken, as `file:line`. */
  untaken(): string[] {
    const taken = new Set([...this.#progress.values()].flatMap(({ reached }) => reached.map(placeOf)));
    const lines = this.#built.places.flatMap(({ file, line, kind }, place) =>
      kind === "branch" && !taken.has(place) ? [`${file}:${line}`] : [],
    );
    return [...new Set(lines)];
  }

  #progressOf(target: string): Progress {
    const progress = this.#progress.get(target);
    if (!progress) throw new Error(`${target} was not started`);
    return progress;
  }

  /** XS, a process of its own, runs `inputs` while Node goes on; one batch at a time. */
  async #compareBeside(target: string, inputs: readonly Uint8Array[], progress: Progress): Promise<void> {
    await this.#comparison;
    this.#comparison = this.#compare(target, inputs, progress);
  }

  async #compare(target: string, inputs: readonly Uint8Array[], progress: Progress): Promise<void> {
    if (!this.#xs || !this.#options.onXs.has(target)) return;
    const before = this.#xs.executions;
    const finding = await this.#xs.compare(target, inputs);
    progress.finding ??= finding;
    progress.executionsOnXs += this.#xs.executions - before;
  }

  async #reduced(target: string, finding: Finding): Promise<Finding> {
    // What hangs was ended together with the thread that could tell.
    if (this.#hangs) return finding;
    const onNode = await this.#ask({ call: "reduce", target, bytes: finding.bytes }, undefined);
    const [bytes] = onNode.samples;
    if (bytes && bytes.length < finding.bytes.length) return { ...finding, bytes };
    const xs = this.#xs;
    if (!xs || !this.#options.onXs.has(target)) return finding;
    const smallest = await reduce(
      finding.bytes,
      async (candidate) => sameRule((await xs.compare(target, [candidate]))?.error, finding.error),
      300,
    );
    return { ...finding, bytes: smallest };
  }

  /** Asks the thread; what it hangs on is a finding. */
  async #ask(request: Request, progress: Progress | undefined): Promise<Reply> {
    if (this.#hangs) return { executions: 0, reached: progress?.reached ?? [], samples: [] };
    const start = performance.now();
    const reply = await new Promise<Reply>((resolve, reject) => {
      let number = this.#inHand.number;
      let since = performance.now();
      const watch = setInterval(() => {
        if (this.#inHand.number !== number) {
          number = this.#inHand.number;
          since = performance.now();
        } else if (performance.now() - since > this.#options.longest) {
          this.#hangs = true;
          const finding = {
            error: `does not end within ${this.#options.longest} ms`,
            bytes: this.#inHand.bytes,
          };
          void this.#worker.terminate();
          end(() => resolve({ finding, executions: 0, reached: progress?.reached ?? [], samples: [] }));
        }
      }, 1_000);
      const end = (settle: () => void): void => {
        clearInterval(watch);
        this.#worker.off("message", onMessage);
        this.#worker.off("error", onError);
        settle();
      };
      const onMessage = (message: Reply): void => end(() => resolve(message));
      const onError = (error: unknown): void => end(() => reject(error));
      this.#worker.on("message", onMessage);
      this.#worker.on("error", onError);
      this.#worker.postMessage(request);
    });
    if (progress) {
      progress.executions = Math.max(progress.executions, reply.executions);
      progress.reached = reply.reached;
      progress.finding ??= reply.finding;
      progress.time += performance.now() - start;
    }
    return reply;
  }
}

function branchesOf(places: readonly Place[], taken: ReadonlySet<number>): Standing["branches"] {
  const files = new Map<string, { file: string; taken: number; all: number }>();
  const touched = new Set<string>();
  for (const [place, { file, kind }] of places.entries()) {
    const entry = files.get(file) ?? { file, taken: 0, all: 0 };
    files.set(file, entry);
    if (kind === "branch") entry.all += 1;
    if (kind === "branch" && taken.has(place)) entry.taken += 1;
    // What runs while a module is loaded is no input's doing.
    if (kind === "function" && taken.has(place)) touched.add(file);
  }
  return [...files.values()].filter(({ file, all }) => all > 0 && touched.has(file));
}
