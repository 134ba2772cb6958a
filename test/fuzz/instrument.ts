// SPDX-License-Identifier: MIT
/**
 * A bundle of an entry whose modules under test count how often they come by each branch, statement and function, and
 * tell how large the buffers are that they allocate. Where the places are says Istanbul; its counters, objects of
 * objects, become one typed array, which is read and cleared after each input.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { createInstrumenter } from "istanbul-lib-instrument";
import { ROOT } from "../../hosts/xs/modules";

/** A counter: where it stands in the source. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly kind: "branch" | "statement" | "function";
}

/** A module that can be imported, and the meaning of its counters. */
export interface Instrumented {
  readonly file: string;
  readonly places: readonly Place[];
}

const COUNTER = /cov_\w+\(\)\.([sfb])\[(\d+)\](?:\[(\d+)\])?\+\+/g;

/** The globals by which the bundle and who imports it know each other. */
export const COUNTS = "berthCounts";
export const ALLOCATED = "berthAllocated";

/**
 * Builds a module and all that it needs into `build/fuzz/`.
 * @param text its source, resolved as if it lay in the project's root
 * @param measured the modules that count, by their path from there
 * @throws Error of esbuild or of Istanbul's parser
 */
export async function instrument(text: string, measured: RegExp): Promise<Instrumented> {
  const options = {
    absWorkingDir: ROOT,
    stdin: { contents: text, resolveDir: ROOT, sourcefile: "entry.ts", loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    target: "node20",
    logLevel: "silent",
  } as const;
  const { metafile } = await build({ ...options, write: false, metafile: true });
  const places: Place[] = [];
  const sources = new Map<string, string>();
  // In the order of their names, so that a place has the same number each time.
  for (const name of Object.keys(metafile.inputs).sort()) {
    if (measured.test(name)) sources.set(join(ROOT, name), counting(name, places));
  }
  const directory = join(ROOT, "build", "fuzz", String(process.pid));
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "entry.mjs");
  await build({
    ...options,
    outfile: file,
    banner: { js: `${COUNTERS_OF}${places.length});${BUFFERS}` },
    plugins: [serve(sources)],
  });
  return { file, places };
}

const COUNTERS_OF = `const ${COUNTS} = globalThis.${COUNTS} = new Uint32Array(`;

/** Stands for `Uint8Array` in what is measured. */
const BUFFERS = `const berthUint8Array = new Proxy(Uint8Array, { construct(target, given) {
  if (typeof given[0] === "number") globalThis.${ALLOCATED}?.(given[0]);
  return Reflect.construct(target, given);
} });`;

function serve(sources: ReadonlyMap<string, string>): Plugin {
  return {
    name: "instrumented",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = sources.get(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}

/** The module with counters; their places are added to `places`. */
function counting(name: string, places: Place[]): string {
  const instrumenter = createInstrumenter({
    esModules: true,
    compact: false,
    parserPlugins: ["typescript", "classProperties", "classPrivateProperties", "classPrivateMethods"],
  });
  const code = instrumenter.instrumentSync(readFileSync(join(ROOT, name), "utf8"), join(ROOT, name));
  const { statementMap, fnMap, branchMap } = instrumenter.lastFileCoverage();
  const numbers = new Map<string, number>();
  const add = (key: string, kind: Place["kind"], line: number): void => {
    numbers.set(key, places.length);
    places.push({ file: name, kind, line });
  };
  for (const [id, { start }] of Object.entries(statementMap)) add(`s${id}`, "statement", start.line);
  for (const [id, { loc }] of Object.entries(fnMap)) add(`f${id}`, "function", loc.start.line);
  for (const [id, { loc, locations }] of Object.entries(branchMap)) {
    // The `else` that is not written has no place of its own.
    for (const [arm, { start }] of locations.entries())
      add(`b${id}.${arm}`, "branch", start.line ?? loc.start.line);
  }
  const counted = code.replace(COUNTER, (whole, kind: string, id: string, arm: string | undefined) => {
    const number = numbers.get(arm === undefined ? `${kind}${id}` : `${kind}${id}.${arm}`);
    if (number === undefined) throw new Error(`${name}: no place for ${whole}`);
    return `${COUNTS}[${number}]++`;
  });
  return `const Uint8Array = berthUint8Array;\n${counted}`;
}
