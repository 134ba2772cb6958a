// SPDX-License-Identifier: MIT
/** Runs inputs inside XS and compares what comes of them with what comes of them here. */
import { readFileSync } from "node:fs";
import { text } from "../../hosts/node/text";
import type { Engine } from "../../hosts/xs/engine";
import { XsMachine } from "../../hosts/xs/machine";
import { type ModuleGraph, moduleGraph } from "../../hosts/xs/modules";
import { XsExited } from "../../hosts/xs/worker";
import type { Finding } from "./guided";
import type { ReplayRequest, ReplayResult } from "./in-xs";
import { deviceTargets } from "./targets";

/** Inputs in one message. */
const BATCH = 256;

/** Slots of stack that the targets take below the code under test. */
const STACK_OF_TARGETS = 128;

/** A machine with no more stack than the device has. One that ends is followed by another. */
export class XsReplay {
  readonly #engine: Engine;
  readonly #graph: ModuleGraph;
  #machine: XsMachine | undefined;
  /** Why the last machine ended. */
  #why = "";
  #executions = 0;

  private constructor(engine: Engine, graph: ModuleGraph) {
    this.#engine = engine;
    this.#graph = graph;
  }

  static async open(engine: Engine): Promise<XsReplay> {
    return new XsReplay(engine, await moduleGraph("test/fuzz/in-xs.ts"));
  }

  get executions(): number {
    return this.#executions;
  }

  async close(): Promise<void> {
    await this.#machine?.close();
  }

  /** Runs `inputs`; returns the first that breaks a rule, ends the machine, or comes to something else than on Node. */
  async compare(target: string, inputs: readonly Uint8Array[]): Promise<Finding | undefined> {
    for (let at = 0; at < inputs.length; at += BATCH) {
      const batch = inputs.slice(at, at + BATCH);
      const results = await this.#run(target, batch);
      // The machine has ended: one by one, to know by which.
      const finding = results ? differing(target, batch, results) : await this.#search(target, batch);
      if (finding) return finding;
    }
    return undefined;
  }

  async #search(target: string, inputs: readonly Uint8Array[]): Promise<Finding | undefined> {
    for (const bytes of inputs) {
      const results = await this.#run(target, [bytes]);
      if (!results) return { bytes, error: this.#why };
      const finding = differing(target, [bytes], results);
      if (finding) return finding;
    }
    return undefined;
  }

  async #run(target: string, inputs: readonly Uint8Array[]): Promise<readonly ReplayResult[] | undefined> {
    this.#machine ??= await this.#start();
    const request: ReplayRequest = {
      target,
      inputs: inputs.map((bytes) => Buffer.from(bytes).toString("hex")),
    };
    try {
      const { bytes } = await this.#machine.deliver(Buffer.from(JSON.stringify(request)));
      this.#executions += inputs.length;
      return JSON.parse(new TextDecoder().decode(bytes)) as readonly ReplayResult[];
    } catch (error) {
      if (!(error instanceof XsExited)) throw error;
      this.#machine = undefined;
      this.#why = error.message;
      return undefined;
    }
  }

  async #start(): Promise<XsMachine> {
    const machine = await XsMachine.start(this.#engine, { stack: stackOfFirmware() + STACK_OF_TARGETS });
    await machine.import(this.#graph);
    return machine;
  }
}

function stackOfFirmware(): number {
  const manifest = readFileSync(new URL("../../firmware/manifest.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { creation: { stack: number } }).creation.stack;
}

function differing(
  target: string,
  inputs: readonly Uint8Array[],
  results: readonly ReplayResult[],
): Finding | undefined {
  for (const [i, bytes] of inputs.entries()) {
    const result = results[i] as ReplayResult;
    if ("error" in result) return { bytes, error: `on XS: ${result.error}` };
    const here = deviceTargets[target]?.run(bytes, text);
    if (here !== result.outcome) return { bytes, error: `on XS ${result.outcome}\non Node ${here}` };
  }
  return undefined;
}
