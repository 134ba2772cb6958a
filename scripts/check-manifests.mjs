#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Checks the Moddable manifests and the code that they bind, without the SDK; where MODDABLE is set, the SDK's paths
 * too. mcconfig itself only warns, or says nothing, about most of this.
 *
 *   check-manifests.mjs [--write]     --write corrects the lists of preloaded modules
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const MANIFESTS = ["manifest.json", "firmware/manifest.json"];

/** The simulators and the boards. */
const PLATFORMS = ["lin", "mac", "win", "esp32"];

/** What device code may import of the SDK, and on which platforms it is there; see the manifests that we include. */
export const SDK_MODULES = Object.freeze({
  Resource: PLATFORMS,
  crypt: PLATFORMS,
  "embedded:io/socket/tcp": PLATFORMS,
  "embedded:io/socket/tcp/tls": PLATFORMS,
  "embedded:io/socket/udp": PLATFORMS,
  "embedded:network/interface/wifi": ["esp32"],
  hmac: PLATFORMS,
  instrumentation: PLATFORMS,
  "mc/config": PLATFORMS,
  net: PLATFORMS,
  preference: PLATFORMS,
  resetReason: ["esp32"],
  rng: PLATFORMS,
  "ssl/cert": PLATFORMS,
  "text/decoder": PLATFORMS,
  time: PLATFORMS,
  timer: PLATFORMS,
});

/** Reads its file when it is loaded, in the simulators: preloaded, that is at build time, and so is what imports it. */
const NEVER_PRELOADED = ["preference"];

/** Globals of Node and browsers that XS does not have, as they are used. */
const FOREIGN_GLOBALS = Object.freeze({
  Buffer: /(?<![\w.#$])Buffer\./,
  process: /(?<![\w.#$])process\./,
  console: /(?<![\w.#$])console\./,
  crypto: /(?<![\w.#$])crypto\./,
  TextEncoder: /\bnew TextEncoder\b/,
  URL: /\bnew URL\b/,
  require: /(?<![\w.#$])require\(/,
  setTimeout: /(?<![\w.#$])set(?:Timeout|Interval|Immediate)\(/,
});

/** Set for the device, too: mcconfig does not read tsconfig.json. */
const STRICTNESS = [
  "strict",
  "noImplicitOverride",
  "noImplicitReturns",
  "noFallthroughCasesInSwitch",
  "isolatedModules",
  "verbatimModuleSyntax",
  "erasableSyntaxOnly",
];

/**
 * @typedef {object} Manifest
 * @property {string | string[]} [include]
 * @property {Record<string, string | string[]>} [modules]
 * @property {Record<string, string | string[]>} [data]
 * @property {string | string[]} [preload]
 * @property {Record<string, unknown>} [creation]
 * @property {Record<string, unknown>} [build]
 * @property {Record<string, Manifest & { error?: string }>} [platforms]
 * @property {{ tsconfig?: { compilerOptions?: Record<string, unknown> } }} [typescript]
 */

/**
 * @typedef {object} Bound a module of ours
 * @property {string} specifier
 * @property {string} file
 * @property {readonly string[]} platforms
 */

/** @template T @param {T | T[] | undefined} value @returns {T[]} */
function list(value) {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** @param {string} project @param {string} file @returns {Manifest} */
function readManifest(project, file) {
  return JSON.parse(readFileSync(join(project, file), "utf8"));
}

/**
 * Everything that is wrong, one line each.
 * @param {string} [project]
 * @param {string} [sdk] directory of the SDK, where there is one
 * @returns {string[]}
 */
export function checkManifests(project = PROJECT, sdk = undefined) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Bound[]} */
  const bound = [];
  for (const file of MANIFESTS) {
    const manifest = readManifest(project, file);
    const directory = join(project, dirname(file));
    /** @param {string} text */
    const report = (text) => problems.push(`${file}: ${text}`);
    for (const [part, platforms] of partsOf(manifest)) {
      checkPaths(part, directory, sdk, report);
      bound.push(...modulesOf(part, directory, platforms));
    }
    if (!manifest.platforms?.["..."]?.error) report('no error for other platforms ("...")');
  }
  checkStrictness(project, problems);
  checkPreload(project, bound, problems);
  for (const module of bound) checkSource(project, module, bound, problems);
  return [...new Set(problems)];
}

/** A manifest and its branches, with the platforms that each is for. @param {Manifest} manifest @returns {[Manifest, string[]][]} */
function partsOf(manifest) {
  /** @type {[Manifest, string[]][]} */
  const parts = [[manifest, PLATFORMS]];
  for (const [name, branch] of Object.entries(manifest.platforms ?? {})) {
    if (name !== "...") parts.push([branch, [name.split("/")[0] ?? name]]);
  }
  return parts;
}

/**
 * @param {Manifest} part
 * @param {string} directory
 * @param {string | undefined} sdk
 * @param {(text: string) => void} report
 */
function checkPaths(part, directory, sdk, report) {
  const sources = [part.modules, part.data].flatMap((rules) =>
    Object.values(rules ?? {}).flatMap((rule) => list(rule)),
  );
  for (const source of sources) {
    const path = expand(source, directory, sdk);
    if (path !== undefined && filesOf(path).length === 0) report(`${source} matches no file`);
  }
  for (const include of list(part.include)) {
    const path = expand(include, directory, sdk);
    if (path !== undefined && !existsSync(path)) report(`${include} is not there`);
  }
}

/** The path, or undefined for one of the SDK while there is no SDK. @param {string} path @param {string} directory @param {string | undefined} sdk */
function expand(path, directory, sdk) {
  if (!path.startsWith("$(")) return resolve(directory, path);
  if (sdk === undefined) return undefined;
  return path
    .replace("$(MODULES)", join(sdk, "modules"))
    .replace("$(BUILD)", join(sdk, "build"))
    .replace("$(MODDABLE)", sdk);
}

/** Files that a path of a manifest means: it has no ending, and `*` stands for any name. @param {string} path */
function filesOf(path) {
  const directory = dirname(path);
  if (!existsSync(directory)) return [];
  const name = basename(path);
  return readdirSync(directory)
    .filter((file) => name === "*" || stemOf(file) === name || file === name)
    .map((file) => join(directory, file));
}

/** @param {string} file */
function stemOf(file) {
  return file.replace(/(\.d)?\.[^.]+$/, "");
}

/** The modules of ours that a part binds; declarations (.d.ts) are none. @param {Manifest} part @param {string} directory @param {string[]} platforms @returns {Bound[]} */
function modulesOf(part, directory, platforms) {
  const excluded = list(part.modules?.["~"]).map((path) => resolve(directory, path));
  /** @type {Bound[]} */
  const found = [];
  for (const [target, rule] of Object.entries(part.modules ?? {})) {
    if (target === "~") continue;
    for (const source of list(rule)) {
      if (source.startsWith("$(")) continue;
      for (const file of filesOf(resolve(directory, source))) {
        const stem = join(dirname(file), stemOf(basename(file)));
        if (excluded.includes(stem) || file.endsWith(".d.ts") || !/\.(ts|js|json)$/.test(file)) continue;
        if (basename(file).startsWith("manifest")) continue;
        found.push({ specifier: target.replace("*", stemOf(basename(file))), file, platforms });
      }
    }
  }
  return found;
}

/** @param {string} project @param {string[]} problems */
function checkStrictness(project, problems) {
  const options = readManifest(project, "manifest.json").typescript?.tsconfig?.compilerOptions ?? {};
  for (const name of STRICTNESS) {
    if (options[name] !== true)
      problems.push(`manifest.json: typescript.tsconfig.compilerOptions.${name} is not true`);
  }
}

/** mcconfig's wildcards in `preload` find no TypeScript: every module stands there by name. @param {string} project @param {Bound[]} bound @param {string[]} problems */
function checkPreload(project, bound, problems) {
  for (const file of MANIFESTS) {
    const wanted = wantedPreload(project, file, bound);
    const have = list(readManifest(project, file).preload);
    for (const name of wanted)
      if (!have.includes(name)) problems.push(`${file}: preload lacks ${name} (--write adds it)`);
    for (const name of have)
      if (!wanted.includes(name)) problems.push(`${file}: preload has ${name}, which it must not`);
  }
}

/** @param {string} project @param {string} file @param {Bound[]} bound @returns {string[]} */
function wantedPreload(project, file, bound) {
  const main = readManifest(project, "firmware/manifest.json").creation?.main;
  const firmware = file.startsWith("firmware/");
  const names = bound.filter(
    ({ specifier, file: path }) =>
      specifier.startsWith("berth/firmware/") === firmware &&
      specifier !== main &&
      !importsOf(readFileSync(path, "utf8")).some((name) => NEVER_PRELOADED.includes(name)),
  );
  return [...new Set(names.map(({ specifier }) => specifier))];
}

/** @param {string} project @param {Bound} module @param {Bound[]} bound @param {string[]} problems */
function checkSource(project, { specifier, file, platforms }, bound, problems) {
  const name = relative(project, file);
  /** @param {string} text */
  const report = (text) => problems.push(`${name}: ${text}`);
  if (!file.endsWith(".ts")) {
    report(`${specifier} is no TypeScript and would become a module all the same; exclude it with "~"`);
    return;
  }
  const source = withoutComments(readFileSync(file, "utf8"));
  for (const wanted of importsOf(source)) {
    const missing = platforms.filter((platform) => !isThere(wanted, file, platform, bound));
    if (missing.length > 0) report(`imports "${wanted}", which is not there on ${missing.join(", ")}`);
  }
  const state = /^(?:export )?(?:let|var) (\w+)/m.exec(source);
  if (state) report(`module state "${state[1]}" is frozen once preloaded`);
  for (const [foreign, pattern] of Object.entries(FOREIGN_GLOBALS)) {
    if (pattern.test(withoutTexts(source))) report(`uses ${foreign}, which XS does not have`);
  }
}

/** @param {string} wanted @param {string} file @param {string} platform @param {Bound[]} bound */
function isThere(wanted, file, platform, bound) {
  const ours = bound.filter((module) => module.platforms.includes(platform));
  if (!wanted.startsWith(".")) {
    const sdk = /** @type {Record<string, readonly string[]>} */ (SDK_MODULES)[wanted];
    return sdk?.includes(platform) || ours.some((module) => module.specifier === wanted);
  }
  // On the device a relative specifier is resolved against the specifier of the module, not against its file.
  const target = `${resolve(dirname(file), wanted)}.ts`;
  return bound.some(
    ({ file: from, specifier }) => from === file && resolvesTo(specifier, wanted, target, ours),
  );
}

/** @param {string} from @param {string} wanted @param {string} target @param {Bound[]} ours */
function resolvesTo(from, wanted, target, ours) {
  const specifier = resolve("/", dirname(from), wanted).slice(1);
  return ours.some((module) => module.file === target && module.specifier === specifier);
}

/** What the code imports at run time; types vanish. @param {string} source */
export function importsOf(source) {
  const found = [];
  const clean = withoutComments(source);
  for (const match of clean.matchAll(
    /^(?:import|export)\b(?!\s+type\b)([^;"']*?)\bfrom\s+["']([^"']+)["']/gm,
  )) {
    const named = /^\s*\{([^}]*)\}\s*$/.exec(match[1] ?? "");
    const onlyTypes =
      named?.[1]
        ?.split(",")
        .filter((part) => part.trim() !== "")
        .every((part) => part.trim().startsWith("type ")) ?? false;
    if (!onlyTypes) found.push(match[2] ?? "");
  }
  for (const match of clean.matchAll(/^import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm)) {
    found.push(match[1] ?? match[2] ?? "");
  }
  return found;
}

/** @param {string} source */
function withoutComments(source) {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/[^\n]*/g, "$1");
}

/** @param {string} source */
function withoutTexts(source) {
  return source.replace(/"[^"\n]*"/g, '""');
}

/** Writes the lists of preloaded modules. @param {string} [project] */
export function writePreload(project = PROJECT) {
  const bound = MANIFESTS.flatMap((file) =>
    partsOf(readManifest(project, file)).flatMap(([part, platforms]) =>
      modulesOf(part, join(project, dirname(file)), platforms),
    ),
  );
  for (const file of MANIFESTS) {
    const manifest = readManifest(project, file);
    manifest.preload = wantedPreload(project, file, bound);
    writeFileSync(join(project, file), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writePreload();
  const problems = checkManifests(PROJECT, process.env.MODDABLE);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
