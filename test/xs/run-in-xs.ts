// SPDX-License-Identifier: MIT
/**
 * Runs one test file of src/ inside XS. The modules of src/ are loaded as the ES modules that they are and frozen
 * as the device's linker does; the test, its helpers and its libraries are one bundle beside them.
 */
import { createHmac } from "node:crypto";
import { join, relative } from "node:path";
import type { Plugin } from "esbuild";
import type { Engine } from "../../hosts/xs/engine";
import { XsMachine } from "../../hosts/xs/machine";
import { bundle, ROOT } from "../../hosts/xs/modules";
import { type PreloadGraph, preloadGraph } from "../../hosts/xs/preload";
import { XsExited } from "../../hosts/xs/worker";
import type { TestReport } from "./inside/jest-globals";

/** What inside/bridge.ts sends. */
type BridgeRequest = { running: string } | { key: number[]; message: number[] };

/** A machine that runs longer hangs, milliseconds. */
const LONGEST = 240_000;

const INSIDE = "test/xs/inside";

/** Leaves imports of src/ as they are, and notes them. */
function keepSource(found: Set<string>): Plugin {
  return {
    name: "keep-source",
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const name = relative(ROOT, join(resolveDir, path)).replaceAll("\\", "/");
        if (!name.startsWith("src/")) return undefined;
        const file = name.endsWith(".ts") ? name : `${name}.ts`;
        found.add(file);
        return { path: file, external: true };
      });
    },
  };
}

/**
 * @param file path from the project's root
 * @param environment variables that the test sees
 * @throws Error of esbuild when the file needs Node; XsError when it throws while it is loaded; XsExited
 */
export async function runInXs(
  engine: Engine,
  file: string,
  environment: Readonly<Record<string, string>>,
): Promise<TestReport> {
  const imported = new Set<string>();
  const source = await bundle("run.ts", {
    text: `
      import "./${INSIDE}/environment";
      import { connect, tellRunning } from "./${INSIDE}/bridge";
      import { runTests } from "./${INSIDE}/jest-globals";
      import { freezeModules } from "./hosts/xs/inside/preload";
      import "./${file}";
      export default function main(call, tools) {
        connect(call);
        let run;
        return (message) => {
          if (run) return new TextEncoder().encode(JSON.stringify(run.report()));
          freezeModules(tools, JSON.parse(new TextDecoder().decode(message)));
          run = runTests(tellRunning);
        };
      }`,
    alias: {
      "@jest/globals": `${INSIDE}/jest-globals.ts`,
      "fast-check": `${INSIDE}/fast-check.ts`,
      "fast-check-itself": "node_modules/fast-check/lib/fast-check.js",
      "mqtt-packet": `${INSIDE}/mqtt-packet.ts`,
      "mqtt-packet-itself": "node_modules/mqtt-packet/mqtt.js",
      "node:crypto": `${INSIDE}/crypto.ts`,
    },
    banner: `globalThis.berthEnvironment = ${JSON.stringify(environment)};`,
    plugins: [keepSource(imported)],
  });
  const graph = await preloadGraph([...imported]);
  return run(engine, graph, [...imported], source);
}

async function run(
  engine: Engine,
  graph: PreloadGraph,
  imported: readonly string[],
  source: string,
): Promise<TestReport> {
  const lines: string[] = [];
  let running = "loading";
  const machine = await XsMachine.start(engine, {
    onCommand: (bytes) => {
      const request = JSON.parse(new TextDecoder().decode(bytes)) as BridgeRequest;
      if ("running" in request) {
        running = request.running;
        return new Uint8Array(0);
      }
      return createHmac("sha256", Uint8Array.from(request.key))
        .update(Uint8Array.from(request.message))
        .digest();
    },
    // Helpers of tests spread thousands of values, each a slot.
    stack: 65_536,
    onLine: (line) => lines.push(line),
  });
  const deadline = setTimeout(() => machine.kill(), LONGEST);
  try {
    await machine.add(graph);
    const resolutions = Object.fromEntries(imported.map((name) => [`test\n${name}`, name]));
    await machine.import({ entry: "test", sources: { test: source }, resolutions });
    const modules = new TextEncoder().encode(JSON.stringify(Object.keys(graph.sources)));
    // The first delivery starts the tests; what they wait for has happened before the second one.
    await machine.deliver(modules);
    const { bytes } = await machine.deliver(modules);
    const report = JSON.parse(new TextDecoder().decode(bytes)) as TestReport;
    const printed = lines.map((line) => ({ name: "printed", error: line }));
    return { ...report, failed: [...report.failed, ...printed] };
  } catch (error) {
    if (error instanceof XsExited) throw new XsExited(`${error.message}, in "${running}"`);
    throw error;
  } finally {
    clearTimeout(deadline);
    await machine.close();
  }
}
