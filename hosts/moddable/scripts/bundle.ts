// SPDX-License-Identifier: MIT
/**
 * The firmware of a release as few modules with short names. XS keeps each name of the source, each import and export and each
 * module in the image: 119 modules are 120 KB of it beside the code.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { type Bound, boundModules } from "./check-manifests";
import { withoutPrivateNames } from "./private-names";

/** Modules that the device loads by name where an app's manifest has them. */
export const LOADED_BY_NAME = ["berth/hosts/moddable/certificates", "berth/outbox"];
/** Of the app; not preloaded, for it is what runs. */
const MAIN = "berth/firmware/main";
/** What it starts. Were there no second entry all the code would be in the first one, and in RAM. */
const START = "berth/firmware/start";

/**
 * Writes the modules and a manifest that puts them in the place of the sources.
 * @param app its folder in the project
 * @param manifest of the app, what a site adds included
 * @param target of mcconfig, without its board
 * @param directory for all of it; its name is the app's
 * @returns the manifest
 * @throws Error of esbuild, for a module that is not there
 */
export async function bundleApp(
  project: string,
  manifest: string,
  target: string,
  directory: string,
): Promise<string> {
  const bound = boundModules(project, relative(project, manifest), target).filter(({ file }) =>
    file.endsWith(".ts"),
  );
  const fileOf = (specifier: string) => bound.find((module) => module.specifier === specifier)?.file;
  const entries = [MAIN, START, ...LOADED_BY_NAME].flatMap((specifier) => {
    const file = fileOf(specifier);
    return file === undefined ? [] : [{ specifier, in: file, out: specifier.replaceAll("/", "-") }];
  });
  const { outputFiles } = await build({
    entryPoints: entries.map(({ in: file, out }) => ({ in: file, out })),
    outdir: directory,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "esnext",
    chunkNames: "berth-chunk-[hash]",
    minifyIdentifiers: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "silent",
    write: false,
    plugins: [boundTo(bound, fileOf)],
  });
  const names = new Map(entries.map(({ specifier, out }) => [out, specifier]));
  const specifierOf = (name: string) => names.get(name) ?? `berth/bundle/${name}`;
  const modules: Record<string, string | string[]> = {
    "~": bound.map(({ file }) => file.replace(/\.ts$/, "")),
  };
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const { path, text } of outputFiles) {
    const name = relative(directory, path).replace(/\.js$/, "");
    modules[specifierOf(name)] = `./${name}`;
    // On the device a relative path starts from the name of the module, which is not that of its file.
    const absolute = text.replace(
      / from "\.\/([\w-]+)\.js";$/gm,
      (_, from) => ` from "${specifierOf(from)}";`,
    );
    // esbuild has no other; XS keeps in RAM what could change.
    const constant = absolute.replace(/^var (?=[\w$]+ = )/gm, "const ");
    writeFileSync(path, withoutPrivateNames(constant));
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
