// SPDX-License-Identifier: MIT
/** Finds the modules that an entry needs, and strips their types. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile, type Plugin, transform } from "esbuild";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Modules as XS loads them; a name is the path from the project's root. */
export interface ModuleGraph {
  readonly entry: string;
  /** Source by name, in an order in which what is needed comes first. */
  readonly sources: Readonly<Record<string, string>>;
  /** Name by referrer, newline, specifier. */
  readonly resolutions: Readonly<Record<string, string>>;
}

/** What XS 13.3 can run: all of ECMAScript 2022 and more. */
const TARGET = "es2022";

/**
 * The modules that `entry` needs, each by itself and unchanged but for its types.
 * @param entry path from the project's root
 * @param release one line a module: XS counts no step for each new line, as in a release build for the device
 * @throws Error of esbuild for a missing or ill-formed module
 */
export async function moduleGraph(entry: string, release = false): Promise<ModuleGraph> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    target: TARGET,
    logLevel: "silent",
  });
  const sources: Record<string, string> = {};
  const resolutions: Record<string, string> = {};
  for (const name of inOrder(metafile, entry)) {
    sources[name] = await strip(name, release);
    for (const { path, original } of metafile.inputs[name]?.imports ?? []) {
      if (original !== undefined) resolutions[`${name}\n${original}`] = path;
    }
  }
  return { entry, sources, resolutions };
}

/** One module without its types. */
async function strip(name: string, release: boolean): Promise<string> {
  const source = readFileSync(join(ROOT, name), "utf8");
  const loader = name.endsWith(".ts") ? "ts" : "js";
  const { code } = await transform(source, {
    loader,
    format: "esm",
    target: TARGET,
    sourcefile: name,
    minifyWhitespace: release,
  });
  return code;
}

/** Depth first: a module after those that it imports. */
function inOrder(metafile: Metafile, entry: string): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const { path } of metafile.inputs[name]?.imports ?? []) visit(path);
    order.push(name);
  };
  visit(entry);
  return order;
}

export interface BundleOptions {
  /** Specifier to the file, from the project's root, that stands in for it. */
  readonly alias?: Readonly<Record<string, string>>;
  readonly minify?: boolean;
  /** Files, from the project's root, whose exports stand in for free variables: `Buffer`, `process`. */
  readonly inject?: readonly string[];
  /** Text that comes first. */
  readonly banner?: string;
  readonly plugins?: readonly Plugin[];
  /** In place of a file: the text of an entry, resolved as if it lay in the project's root. */
  readonly text?: string;
}

/** One module that holds `entry` and all that it needs: for what is no ES module, or to count its bytes. */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<string> {
  const alias = Object.fromEntries(
    Object.entries(options.alias ?? {}).map(([specifier, file]) => [specifier, join(ROOT, file)]),
  );
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    ...(options.text === undefined
      ? { entryPoints: [entry] }
      : { stdin: { contents: options.text, resolveDir: ROOT, sourcefile: entry, loader: "ts" as const } }),
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: TARGET,
    alias,
    inject: (options.inject ?? []).map((file) => join(ROOT, file)),
    define: { global: "globalThis", "process.env.NODE_ENV": '"production"' },
    ...(options.banner !== undefined && { banner: { js: options.banner } }),
    ...(options.plugins && { plugins: [...options.plugins] }),
    minify: options.minify ?? false,
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/** A module by itself, as a graph. */
export function single(name: string, source: string): ModuleGraph {
  return { entry: name, sources: { [name]: source }, resolutions: {} };
}

/** The name of a file, as in a graph. */
export function nameOf(file: string): string {
  return relative(ROOT, file).replaceAll("\\", "/");
}
