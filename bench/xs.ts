// SPDX-License-Identifier: MIT
/** The figures of XS: counts, the same in each run. */
import { readFileSync } from "node:fs";
import type { Engine } from "../hosts/xs/engine";
import { XsMachine } from "../hosts/xs/machine";
import { bundle, type ModuleGraph, moduleGraph, single } from "../hosts/xs/modules";
import type { XsWorkerOptions } from "../hosts/xs/worker";
import { transform } from "esbuild";
import type { LifeFigures } from "./inside/life";
import type { XsCost } from "./inside/measure";
import { SDK_CLIENT } from "./inside/sdk/calls";
import type { SdkCosts } from "./inside/sdk/main";
import { clientSource, type Sdk } from "./sdk";

export type XsCosts = Readonly<Record<string, XsCost>>;

const ENVIRONMENT = "test/xs/inside/environment.ts";

/** Ours, module by module as in the repository. */
export async function oursOnXs(engine: Engine): Promise<XsCosts> {
  return (await answerOf(engine, await moduleGraph("bench/inside/ours.ts", true))) as XsCosts;
}

/** Our client, step by step. */
export async function sessionOnXs(engine: Engine): Promise<XsCosts> {
  return (await answerOf(engine, await moduleGraph("bench/inside/session.ts", true))) as XsCosts;
}

/** `mqtt-packet` with polyfills, without its table of 65,536 buffers: in its favour, for a device has no room for it. */
export async function mqttPacketOnXs(engine: Engine): Promise<XsCosts> {
  const source = await mqttPacketSource('export { default } from "./bench/inside/mqtt-packet";');
  return (await answerOf(engine, single("mqtt-packet", await released(source)))) as XsCosts;
}

/** The SDK's ECMA-419 client, loaded from the SDK. */
export async function sdkOnXs(engine: Engine, sdk: Sdk): Promise<SdkCosts> {
  const graph = await moduleGraph("bench/inside/sdk/main.ts", true);
  const resolutions = {
    [`${SDK_CLIENT}\ntimer`]: "bench/inside/sdk/timer.ts",
    [`${SDK_CLIENT}\ntime`]: "bench/inside/sdk/time.ts",
  };
  return (await answerOf(engine, {
    ...graph,
    sources: { ...graph.sources, [SDK_CLIENT]: await released(clientSource(sdk)) },
    resolutions: { ...graph.resolutions, ...resolutions },
  })) as SdkCosts;
}

/** Like ours: one line, so that no step counts for each new line. */
async function released(source: string): Promise<string> {
  return (await transform(source, { format: "esm", target: "es2022", minifyWhitespace: true })).code;
}

/** @param text what the bundle exports */
export function mqttPacketSource(text: string, minify = false): Promise<string> {
  return bundle("mqtt-packet-on-xs.ts", {
    text: `import "./${ENVIRONMENT}";\n${text}`,
    alias: {
      "mqtt-packet": "test/xs/inside/mqtt-packet.ts",
      "mqtt-packet-itself": "node_modules/mqtt-packet/mqtt.js",
    },
    banner: "globalThis.berthEnvironment = {};",
    minify,
  });
}

/**
 * A whole life. Once more in the heap and stack that firmware/manifest.json gives the device, beside what lies in
 * ROM there: for how often garbage is collected, and to see that the stack is deep enough.
 */
export async function lifeOnXs(engine: Engine): Promise<LifeFigures> {
  const graph = await moduleGraph("bench/inside/life.ts", true);
  const figures = (await answerOf(engine, graph)) as LifeFigures;
  const { slots, chunks } = figures.loaded;
  const { chunk, heap, stack } = deviceMemory();
  const small = {
    heap: { bytes: chunks + chunk.initial, slots: slots + heap.initial },
    stack: stack + SURROUNDINGS,
  };
  const { collections } = ((await answerOf(engine, graph, small)) as LifeFigures).provisioning;
  return { ...figures, provisioning: { ...figures.provisioning, collections } };
}

/**
 * Slots of the stack that the surroundings of life.ts take below the device's code, which natives take on the device:
 * 7 calls deeper than a callback of the worker, 11 slots each.
 */
const SURROUNDINGS = 80;

interface Creation {
  readonly chunk: { readonly initial: number };
  readonly heap: { readonly initial: number };
}

/** What XS starts with on a board. */
function deviceMemory(): Creation & { readonly stack: number } {
  const { creation } = manifestOf<{ creation: { stack: number } }>("core");
  const { platforms } = manifestOf<{ platforms: { esp32: { creation: Creation } } }>("memory");
  return { ...platforms.esp32.creation, ...creation };
}

function manifestOf<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../hosts/moddable/manifest_${name}.json`, import.meta.url), "utf8"),
  ) as T;
}

async function answerOf(engine: Engine, graph: ModuleGraph, options: XsWorkerOptions = {}): Promise<unknown> {
  const lines: string[] = [];
  const machine = await XsMachine.start(engine, { onLine: (line) => lines.push(line), ...options });
  try {
    const { bytes } = await machine.import(graph);
    if (lines.length) throw new Error(lines.join("\n"));
    return JSON.parse(new TextDecoder().decode(bytes));
  } finally {
    await machine.close();
  }
}
