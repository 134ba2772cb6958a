// SPDX-License-Identifier: MIT
/**
 * The firmware of a release as few modules with short names. XS keeps each name of the source, each import and export and each
 * module in the image: 53 KB of it, and private names (private-names.ts) 55 KB.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { type Bound, boundModules } from "./check-manifests";
import { withoutPrivateNames } from "./private-names";

/** Modules that the device loads by name where an app's manifest has them. */
export const LOADED_BY_NAME = ["berth/hosts/moddable/certificates", "berth/outbox"];
/** Of the app; not preloaded, for it is what runs. */
const MAIN = "berth/firmware/main";
/** What it starts. Were there no second entry all the code would be in the first one, and in RAM. */
const START = "berth/firmware/start";
/** Begins the names of what several of them have. */
const PART = "berth/part-";

/**
 * Writes the modules and a manifest that puts them in the place of the sources.
 * @param manifest of the app, what a site adds included
 * @param target of mcconfig, without its board
 * @param directory for all of it, which it replaces; its name is the app's
 * @returns the manifest
 * @throws Error of esbuild, for a module that no manifest binds
 */
export async function bundleApp(
  project: string,
  manifest: string,
  target: string,
  directory: string,
): Promise<string> {
  const all = boundModules(project, relative(project, manifest), target);
  const bound = all.filter(({ file }) => file.endsWith(".ts"));
  const fileOf = (specifier: string) => bound.find((module) => module.specifier === specifier)?.file;
  const entries = [MAIN, START, ...LOADED_BY_NAME].flatMap((specifier) => {
    const file = fileOf(specifier);
    return file === undefined ? [] : [{ in: file, out: specifier }];
  });
  const { outputFiles } = await build({
    entryPoints: entries,
    outdir: directory,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "esnext",
    chunkNames: `${PART}[hash]`,
    minifyIdentifiers: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "silent",
    write: false,
    plugins: [boundTo(bound, fileOf)],
  });
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const modules: Record<string, string | string[]> = {
    "~": bound.map(({ file }) => file.replace(/\.ts$/, "")),
  };
  const outputs = outputFiles.map(({ path, text }) => ({ path: relative(directory, path), text }));
  const nameOf = (path: string) => {
    // A name that stays, for mcconfig takes away nothing that it has made.
    const isPart = path.startsWith(PART);
    return isPart ? `${PART}${outputs.findIndex((other) => other.path === path)}` : path.replace(/\.js$/, "");
  };
  for (const [index, { path, text }] of outputs.entries()) {
    modules[nameOf(path)] = `./module-${index}`;
    // On the device a relative path starts from the name of the module, which is not that of its file.
    const absolute = text.replace(/ from "(\.[^"]+)";$/gm, (_, other: string) => {
      return ` from "${nameOf(join(dirname(path), other))}";`;
    });
    // esbuild has no other; XS keeps in RAM what could change.
    const constant = absolute.replace(/^var (?=[\w$]+ = )/gm, "const ");
    writeFileSync(join(directory, `module-${index}.js`), withoutPrivateNames(constant, String(index)));
  }
  const preload = Object.keys(modules).filter((specifier) => specifier !== "~" && specifier !== MAIN);
  const file = join(directory, "manifest.json");
  writeFileSync(file, `${JSON.stringify({ include: manifest, modules, preload }, undefined, 2)}\n`);
  return file;
}

/** What our manifests bind is bundled; the natives and the SDK's modules stay what they are. */
function boundTo(bound: readonly Bound[], fileOf: (specifier: string) => string | undefined): Plugin {
  const files = new Set(bound.map(({ file }) => file));
  return {
    name: "manifests",
    setup({ onResolve }) {
      onResolve({ filter: /.*/ }, ({ path, resolveDir, kind }) => {
        if (kind === "entry-point") return undefined;
        if (!path.startsWith(".")) {
          const file = fileOf(path);
          return file === undefined ? { path, external: true } : { path: file };
        }
        const file = `${resolve(resolveDir, path)}.ts`;
        if (!files.has(file)) return { errors: [{ text: `no manifest binds ${file}` }] };
        return { path: file };
      });
    },
  };
}
