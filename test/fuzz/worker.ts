// SPDX-License-Identifier: MIT
/** The instrumented side: runs in a thread of its own, so that an input that never ends can be ended. */
import { parentPort, workerData } from "node:worker_threads";
import { text } from "../../hosts/node/text";
import { type Finding, GuidedFuzzer } from "./guided";
import { Hits } from "./hits";
import { ALLOCATED, COUNTS } from "./instrument";
import { LONGEST } from "./mutate";
import { Random } from "./random";
import { reduce } from "./reduce";
import type { Target, Targets } from "./targets/target";

/** What is asked of it, one thing at a time. */
export type Request =
  | {
      readonly call: "open";
      readonly target: string;
      readonly seed: number;
      readonly samples: readonly Uint8Array[];
    }
  | { readonly call: "run"; readonly target: string; readonly executions: number }
  | { readonly call: "cover"; readonly target: string; readonly given: readonly Uint8Array[] }
  | { readonly call: "reduce"; readonly target: string; readonly bytes: Uint8Array };

export interface Reply {
  readonly finding?: Finding | undefined;
  readonly executions: number;
  /** Features reached so far, see `Hits`. */
  readonly reached: readonly number[];
  /** Of "run": inputs for the other engine; of "cover": the least samples; of "reduce": one. */
  readonly samples: readonly Uint8Array[];
}

/** One in so many mutations is run on the other engine too, beside those that brought something new. */
const SAMPLED = 16;

/** Where the input in hand lies, for the thread that watches: how many so far, its length, its bytes. */
export class InHand {
  static readonly BYTES = 8 + LONGEST * 2;
  readonly #numbers: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.#numbers = new Int32Array(shared, 0, 2);
    this.#bytes = new Uint8Array(shared, 8);
  }

  set(bytes: Uint8Array): void {
    this.#bytes.set(bytes.subarray(0, this.#bytes.length));
    Atomics.store(this.#numbers, 1, bytes.length);
    Atomics.add(this.#numbers, 0, 1);
  }

  /** Another number, another input. */
  get number(): number {
    return Atomics.load(this.#numbers, 0);
  }

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#numbers, 1));
  }
}

/** Answers what the thread asks that started this one. */
export function serve(targets: Targets): void {
  // Most inputs end in an error, whose stack nobody reads.
  Error.stackTraceLimit = 0;
  const inHand = new InHand((workerData as { shared: SharedArrayBuffer }).shared);
  const hits = new Hits(Reflect.get(globalThis, COUNTS) as Uint32Array);
  Reflect.set(globalThis, ALLOCATED, (bytes: number) => hits.allocated(bytes));
  const fuzzers = new Map<string, GuidedFuzzer>();
  parentPort?.on("message", async (request: Request) => {
    const { target: name } = request;
    const target = targets[name] as Target;
    let fuzzer = fuzzers.get(name);
    let finding: Finding | undefined;
    const samples: Uint8Array[] = [];
    switch (request.call) {
      case "open":
        fuzzer = new GuidedFuzzer(target, text, hits, new Random(request.seed), (bytes) => inHand.set(bytes));
        fuzzers.set(name, fuzzer);
        for (const bytes of request.samples) finding ??= fuzzer.try(bytes);
        break;
      case "run": {
        const before = new Set(fuzzer?.samples);
        for (let i = 0; i < request.executions && !finding; i += 1) {
          const step = fuzzer?.step();
          finding = step?.finding;
          if (step && i % SAMPLED === 0) samples.push(step.bytes);
        }
        samples.push(...(fuzzer?.samples.filter((bytes) => !before.has(bytes)) ?? []));
        break;
      }
      case "cover":
        samples.push(...(fuzzer?.cover(request.given) ?? []));
        break;
      default: {
        const broken = fuzzer?.try(request.bytes)?.error;
        samples.push(await reduce(request.bytes, (bytes) => sameRule(fuzzer?.try(bytes)?.error, broken)));
      }
    }
    const reply: Reply = {
      finding,
      executions: fuzzer?.executions ?? 0,
      reached: fuzzer?.reached ?? [],
      samples,
    };
    parentPort?.postMessage(reply);
  });
}

/** Do two errors say the same, numbers and quoted values aside? */
export function sameRule(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && ruleOf(a) === ruleOf(b);
}

function ruleOf(error: string): string {
  return error.replace(/[0-9]+/g, "0").slice(0, 40);
}
