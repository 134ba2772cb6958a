// SPDX-License-Identifier: MIT
/**
 * Fuzzing that is guided by coverage: an input that comes by a new place of the code, or so often as none before, is
 * kept and mutated further. Of two inputs with the same feature the shorter one keeps it, so that the corpus stays
 * small. The same seed and the same samples make the same run.
 */
import type { TextCodec } from "../../src/host";
import type { Hits } from "./hits";
import { bytesOf, LONGEST, mutate } from "./mutate";
import type { Random } from "./random";
import type { Target } from "./targets/target";

interface Sample {
  readonly bytes: Uint8Array;
  /** How many features are its own; without any it is dropped. */
  owned: number;
  /** How often it was mutated. */
  picks: number;
}

/** What broke a rule. */
export interface Finding {
  readonly error: string;
  readonly bytes: Uint8Array;
}

export class GuidedFuzzer {
  readonly #target: Target;
  readonly #text: TextCodec;
  readonly #hits: Hits;
  readonly #random: Random;
  readonly #onRun: (bytes: Uint8Array) => void;
  readonly #tokens: readonly Uint8Array[];
  readonly #owners: (Sample | undefined)[];
  readonly #features: Uint32Array;
  #samples: Sample[] = [];
  #executions = 0;

  /** @param onRun is called before each execution: an input that never ends is known by it */
  constructor(
    target: Target,
    text: TextCodec,
    hits: Hits,
    random: Random,
    onRun: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#onRun = onRun;
    this.#target = target;
    this.#text = text;
    this.#hits = hits;
    this.#random = random;
    this.#tokens = (target.tokens ?? []).map(bytesOf);
    this.#owners = new Array<Sample | undefined>(hits.features).fill(undefined);
    this.#features = new Uint32Array(hits.features);
  }

  get executions(): number {
    return this.#executions;
  }

  /** The inputs that brought something new, in the order in which they were found. */
  get samples(): Uint8Array[] {
    return this.#samples.map(({ bytes }) => bytes);
  }

  /** The features reached so far. */
  get reached(): number[] {
    return this.#owners.flatMap((owner, feature) => (owner ? [feature] : []));
  }

  /** Runs `bytes` and keeps them when they bring something new. */
  try(bytes: Uint8Array): Finding | undefined {
    const finding = this.#execute(bytes);
    if (!finding) this.#keep(bytes);
    return finding;
  }

  /** Runs one mutation. @returns what was run, and whether it broke a rule */
  step(): { readonly bytes: Uint8Array; readonly finding: Finding | undefined } {
    const sample = this.#pick();
    sample.picks += 1;
    let bytes = mutate(sample.bytes, { other: this.#pick().bytes, tokens: this.#tokens }, this.#random);
    const { repair } = this.#target;
    if (repair && this.#random.below(2)) bytes = repair(bytes).slice(0, LONGEST);
    return { bytes, finding: this.try(bytes) };
  }

  /** The least samples, shortest first, that have all features which `given` do not have. */
  cover(given: readonly Uint8Array[]): Uint8Array[] {
    const reached = new Set<number>();
    const brings = (bytes: Uint8Array): boolean => {
      if (this.#execute(bytes)) return false;
      const before = reached.size;
      for (const feature of this.#features.subarray(0, this.#hits.collect(this.#features)))
        reached.add(feature);
      return reached.size > before;
    };
    for (const bytes of given) brings(bytes);
    return this.samples.sort((a, b) => a.length - b.length).filter(brings);
  }

  /** Of two, the one that was mutated less often. */
  #pick(): Sample {
    const samples = this.#samples;
    if (samples.length === 0) return { bytes: new Uint8Array(0), owned: 0, picks: 0 };
    const one = this.#random.pick(samples);
    const other = this.#random.pick(samples);
    return other.picks < one.picks ? other : one;
  }

  #execute(bytes: Uint8Array): Finding | undefined {
    this.#executions += 1;
    this.#onRun(bytes);
    this.#hits.clear();
    try {
      this.#target.run(bytes, this.#text);
      const { largest } = this.#hits;
      if (largest > this.#target.memory) return { error: `allocates ${largest} bytes at once`, bytes };
    } catch (error) {
      return { error: String(error), bytes };
    }
    return undefined;
  }

  #keep(bytes: Uint8Array): void {
    const features = this.#features.subarray(0, this.#hits.collect(this.#features));
    const isBetter = (feature: number): boolean => {
      const owner = this.#owners[feature];
      return !owner || bytes.length < owner.bytes.length;
    };
    if (!features.some(isBetter)) return;
    const sample: Sample = { bytes, owned: 0, picks: 0 };
    let dropped = false;
    for (const feature of features) {
      if (!isBetter(feature)) continue;
      const owner = this.#owners[feature];
      if (owner) {
        owner.owned -= 1;
        dropped ||= owner.owned === 0;
      }
      this.#owners[feature] = sample;
      sample.owned += 1;
    }
    if (dropped) this.#samples = this.#samples.filter(({ owned }) => owned > 0);
    this.#samples.push(sample);
  }
}
