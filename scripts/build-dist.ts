// SPDX-License-Identifier: MIT
/**
 * Builds `dist/`, what `npm pack` puts into the package: a module for each entry with its source map, the command, the
 * device's code for berth-native. All of them lie flat in `dist/`. Packages of npm are in them, which halves the time of a
 * start, but those that package.json has as `dependencies` and `optionalDependencies`.
 *
 *   node --import tsx scripts/build-dist.ts [--types]
 *
 * Where dist is what the sources say, nothing is done. With --types everything is made anew, with declarations.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { bundleNativeDevice } from "../hosts/native/scripts/bundle";
import { withLock } from "./build-lock";
import { buildPage } from "./build-page";
import { distIsFresh, INPUTS, stateOf } from "./dist-state.js";

/** What the package exports, by name of the module in dist/; package.json's `exports` names these. */
const LIBRARY = {
  index: "hosts/node/berth.ts",
  board: "hosts/node/board.ts",
  certificates: "hosts/node/field-certificates.ts",
  transports: "src/transports.ts",
  outbox: "src/flash-log.ts",
  emulator: "emulator/index.ts",
};
/** The command, and what it runs in threads and processes. */
const COMMAND = {
  command: "cli/main.ts",
  "fleet-worker": "simulator/fleet/worker.ts",
  "fleet-devices": "simulator/fleet/real/entry.ts",
};
/** The oldest Node.js of package.json's `engines`. */
const TARGET = "node20.19";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const DIST = join(ROOT, "dist");
const TYPES = join(DIST, "types");
/** For packages that are CommonJS. */
const REQUIRE = `import { createRequire as berthCreateRequire } from "node:module";
const require = berthCreateRequire(import.meta.url);`;
/** What may still be loaded by a command that runs, milliseconds. */
const KEEP = 3_600_000;

/** State of each file as it was before it was read, by its name from the root. */
type Inputs = Record<string, string>;

/**
 * `import.meta.url` stays the place of the source, which is as far from certificates/ and hosts/native/ in the package as
 * it is here, though the code lies in dist/.
 */
function sources(inputs: Inputs): Plugin {
  return {
    name: "sources",
    setup({ onLoad }) {
      onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        const name = relative(ROOT, path);
        if (name.includes("node_modules")) return undefined;
        inputs[name] = stateOf(name);
        const place = `new URL(${JSON.stringify(`../${name}`)}, import.meta.url).href`;
        const contents = readFileSync(path, "utf8").replaceAll("import.meta.url", place);
        return { contents, loader: path.endsWith(".ts") ? "ts" : "js", resolveDir: dirname(path) };
      });
    },
  };
}

/** A source map without the texts of packages, which are five times ours. */
function ownOnly(map: string): string {
  const { sources: names, sourcesContent, ...rest } = JSON.parse(map);
  const texts = names.map((name: string, at: number) =>
    name.includes("node_modules") ? null : sourcesContent[at],
  );
  return JSON.stringify({ ...rest, sources: names, sourcesContent: texts });
}

/** The licences of all packages whose code is in dist/. @throws Error for one without */
function licences(files: readonly string[]): string {
  const directories = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  const texts = directories.map((directory) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(ROOT, directory, "package.json"), "utf8"),
    );
    const file = readdirSync(join(ROOT, directory)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${directory} has no file with its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(ROOT, directory, file), "utf8").trim()}\n`;
  });
  const parts = [...new Set(texts)].sort();
  return `Packages of others in these files, and their licences.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

async function buildDist(types: boolean): Promise<void> {
  const inputs: Inputs = {};
  // The builder with what it reads; another esbuild makes other code.
  const others = [
    "scripts/build-dist.ts",
    "scripts/dist-state.js",
    "hosts/native/scripts/bundle.ts",
    "tsconfig.base.json",
    "package.json",
    "package-lock.json",
    "node_modules/esbuild/package.json",
  ];
  for (const name of others) inputs[name] = stateOf(name);
  if (types) rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST, { recursive: true });
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const outside = Object.keys({ ...dependencies, ...optionalDependencies });
  const options: BuildOptions = {
    absWorkingDir: ROOT,
    entryPoints: { ...LIBRARY, ...COMMAND },
    outdir: DIST,
    bundle: true,
    splitting: true,
    // esbuild: where there are sources only.
    external: ["esbuild", ...outside],
    banner: { js: REQUIRE },
    metafile: true,
    // For packages that ask.
    define: { "process.env.NODE_ENV": '"production"' },
    platform: "node",
    // ES modules of packages first: what nobody uses of them stays out.
    mainFields: ["module", "main"],
    format: "esm",
    target: TARGET,
    sourcemap: true,
    chunkNames: "chunk-[hash]",
    legalComments: "none",
    logLevel: "error",
    plugins: [sources(inputs)],
    write: false,
  };
  const { outputFiles = [], metafile } = await build(options);
  const written = new Set([basename(fileURLToPath(INPUTS))]);
  const put = (name: string, contents: string) => {
    written.add(name);
    // At once: another process may be reading it.
    writeFileSync(join(DIST, `${name}.new`), contents);
    renameSync(join(DIST, `${name}.new`), join(DIST, name));
  };
  // An entry comes after the chunks that it names.
  const entries = Object.keys({ ...LIBRARY, ...COMMAND });
  const isEntry = (path: string) => entries.includes(basename(path).replace(/\.js$/, ""));
  for (const late of [false, true]) {
    for (const { path, text } of outputFiles) {
      if (isEntry(path) === late) put(basename(path), path.endsWith(".map") ? ownOnly(text) : text);
    }
  }
  if (types) {
    const ofPage = await buildPage();
    put("LICENSES.txt", licences([...Object.keys(metafile?.inputs ?? {}), ...ofPage]));
    put("native-device.js", await bundleNativeDevice());
    declare(put);
  }
  writeFileSync(INPUTS, `${JSON.stringify(inputs, undefined, 1)}\n`);
  for (const name of readdirSync(DIST)) {
    const { mtimeMs } = statSync(join(DIST, name));
    if (name.endsWith(".js") || name.endsWith(".js.map")) {
      if (!written.has(name) && Date.now() - mtimeMs > KEEP) rmSync(join(DIST, name));
    }
  }
}

/** The declarations of all that the library exports, as modules that Node's resolution finds, too. */
function declare(put: (name: string, contents: string) => void): void {
  const project = join(ROOT, "build", "tsconfig.types.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    types: ["node"],
    typeRoots: ["../node_modules/@types"],
    rootDir: "..",
    outDir: TYPES,
  };
  const files = Object.values(LIBRARY).map((entry) => `../${entry}`);
  writeFileSync(project, JSON.stringify({ extends: "../tsconfig.base.json", compilerOptions, files }));
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
  if (status !== 0) throw new Error(`no declarations:\n${stdout}`);
  for (const name of readdirSync(TYPES, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const file = join(TYPES, name);
    writeFileSync(file, published(readFileSync(file, "utf8"), dirname(file)));
  }
  for (const [name, entry] of Object.entries(LIBRARY)) {
    const module = `./types/${entry.replace(/\.ts$/, ".js")}`;
    const declared = readFileSync(join(DIST, module.replace(/\.js$/, ".d.ts")), "utf8");
    const main = /\bexport default\b|\bas default\b/.test(declared)
      ? `export { default } from "${module}";\n`
      : "";
    put(`${name}.d.ts`, `export * from "${module}";\n${main}`);
  }
}

/** @throws Error for a module of ours that has no declaration */
function published(text: string, directory: string): string {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const ofNode = /"node:|\b(Buffer|NodeJS)\b/.test(code) ? '/// <reference types="node" />\n' : "";
  // What a module imports for its effects only declares nothing.
  const own = text.replace(/^import ["'][^."'][^"']*["'];\n/gm, "");
  return (
    ofNode +
    own.replace(/(\bfrom |\bimport\(|^import )"(\.[^"]*)"/gm, (_whole, before: string, path: string) => {
      if (!existsSync(join(directory, `${path}.d.ts`)))
        throw new Error(`${directory}: no declaration of ${path}`);
      return `${before}"${path}.js"`;
    })
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const types = process.argv.includes("--types");
  mkdirSync(join(ROOT, "build"), { recursive: true });
  await withLock(
    join(ROOT, "build", "dist.lock"),
    async () => {
      // Another process may have built it meanwhile.
      if (types || !distIsFresh()) await buildDist(types);
    },
    { log: (line) => console.error(`berth: ${line}`) },
  );
}
