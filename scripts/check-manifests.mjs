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
/** The firmware's manifest includes all others. */
const APP_MANIFEST = "firmware/manifest.json";
/** An app that is no product: nothing of it is preloaded. */
const CASES_MANIFEST = "test/on-device/manifest.json";
const SDKCONFIG = "firmware/sdkconfig/sdkconfig.defaults";
/** Must say no to a platform that they do not know. */
const GUARDED = ["manifest.json", APP_MANIFEST, CASES_MANIFEST];

/**
 * What is built: a platform of mcconfig, with variables of the environment that manifests look at.
 * @typedef {object} Target
 * @property {string} name
 * @property {string} platform
 * @property {Readonly<Record<string, string>>} environment
 */

/** @type {readonly Target[]} */
const TARGETS = [
  { name: "esp32", platform: "esp32", environment: {} },
  { name: "lin", platform: "lin", environment: {} },
  { name: "lin with crypto-sdk", platform: "lin", environment: { BERTH_CRYPTO: "crypto-sdk" } },
  { name: "mac", platform: "mac", environment: {} },
  { name: "win", platform: "win", environment: {} },
];
const ALL = TARGETS.map(({ name }) => name);
/** Those with the SDK's own TLS. */
const SDK_TLS = ["lin with crypto-sdk", "mac", "win"];

/** What device code may import of the SDK, and for which targets it is there; see the manifests that we include. */
export const SDK_MODULES = Object.freeze({
  Resource: ALL,
  crypt: SDK_TLS,
  "embedded:io/socket/listener": ALL,
  "embedded:io/socket/tcp": ALL,
  "embedded:io/socket/tcp/tls": SDK_TLS,
  "embedded:io/socket/udp": ALL,
  "embedded:network/interface/wifi": ["esp32"],
  hmac: SDK_TLS,
  instrumentation: ALL,
  "mc/config": ALL,
  net: ALL,
  preference: ALL,
  resetReason: ["esp32"],
  "ssl/cert": SDK_TLS,
  "text/decoder": ALL,
  time: ALL,
  timer: ALL,
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
 * @property {Record<string, string>} [build]
 * @property {Record<string, Manifest & { error?: string }>} [platforms]
 * @property {{ tsconfig?: { compilerOptions?: Record<string, unknown> } }} [typescript]
 */

/**
 * @typedef {object} Part a manifest, or a branch of one, that a target takes
 * @property {string} file of the manifest, in the project
 * @property {Manifest} rules
 * @property {Readonly<Record<string, string>>} variables of `build` and the environment
 */

/**
 * @typedef {object} Bound a module of ours
 * @property {string} specifier
 * @property {string} file
 * @property {string} manifest that binds it
 * @property {string[]} targets
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
 * What a target takes of an app: its manifest and all that this includes of the project.
 * @param {string} project
 * @param {Target} target
 * @param {(text: string) => void} report
 * @param {string} file
 * @param {Readonly<Record<string, string>>} [variables]
 * @param {Set<string>} [seen]
 * @returns {Part[]}
 */
function partsFor(project, target, report, file, variables = target.environment, seen = new Set()) {
  if (seen.has(file)) return [];
  seen.add(file);
  const manifest = readManifest(project, file);
  /** @type {Readonly<Record<string, string>>} */
  let known = variables;
  const branch = manifest.platforms?.[target.platform] ?? manifest.platforms?.["..."];
  if (branch?.error) report(`${file}: refuses ${target.name}: ${branch.error}`);
  /** @type {Part[]} */
  const parts = [];
  for (const rules of branch ? [manifest, branch] : [manifest]) {
    known = { ...known, ...variablesOf(rules, known) };
    parts.push({ file, rules, variables: known });
    for (const include of list(rules.include)) {
      const path = replaceVariables(include, known);
      if (path.startsWith("$(")) continue;
      const included = relative(project, resolve(project, dirname(file), path));
      if (!existsSync(join(project, included))) report(`${file}: ${path} is not there`);
      else parts.push(...partsFor(project, target, report, included, known, seen));
    }
  }
  return parts;
}

/** `NAME ?=` gives way to what is set already. @param {Manifest} rules @param {Readonly<Record<string, string>>} known */
function variablesOf(rules, known) {
  const entries = Object.entries(rules.build ?? {}).map(([name, value]) => {
    const bare = name.replace(/ \?=$/, "");
    return [bare, bare === name ? value : (known[bare] ?? value)];
  });
  return Object.fromEntries(entries);
}

/** @param {string} text @param {Readonly<Record<string, string>>} variables */
function replaceVariables(text, variables) {
  return text.replace(/\$\((\w+)\)/g, (all, name) => variables[name] ?? all);
}

/**
 * The modules that a build of ours must preload.
 * @param {string} project
 * @param {string} manifest of the app
 * @param {string} platform of mcconfig, without its board
 * @param {Readonly<Record<string, string>>} environment
 * @returns {string[]}
 */
export function preloadedModules(project, manifest, platform, environment) {
  const target = { name: platform, platform, environment };
  const preload = partsFor(project, target, () => {}, manifest).flatMap(({ rules }) => list(rules.preload));
  return [...new Set(preload)];
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
  /** @param {string} text */
  const report = (text) => problems.push(text);
  const { parts, bound } = collect(project, report);
  for (const part of parts) checkPaths(project, part, sdk, report);
  for (const file of GUARDED) {
    if (!readManifest(project, file).platforms?.["..."]?.error)
      report(`${file}: no error for other platforms ("...")`);
  }
  checkStrictness(project, problems);
  checkSdkconfig(project, problems);
  checkPreload(project, parts, bound, problems);
  for (const module of bound) checkSource(project, module, bound, problems);
  return [...new Set(problems)];
}

/**
 * All parts that any target takes, and the modules that they bind.
 * @param {string} project
 * @param {(text: string) => void} report
 */
function collect(project, report) {
  /** @type {Part[]} */
  const parts = [];
  /** @type {Map<string, Bound>} */
  const bound = new Map();
  const apps = TARGETS.flatMap((target) =>
    [APP_MANIFEST, ...(target.platform === "lin" || target.platform === "esp32" ? [CASES_MANIFEST] : [])].map(
      (file) => ({ target, file }),
    ),
  );
  for (const { target, file: app } of apps) {
    for (const part of partsFor(project, target, report, app)) {
      parts.push(part);
      for (const { specifier, file } of modulesOf(part.rules, join(project, dirname(part.file)))) {
        const key = `${part.file} ${specifier} ${file}`;
        const known = bound.get(key) ?? { specifier, file, manifest: part.file, targets: [] };
        if (!known.targets.includes(target.name)) known.targets.push(target.name);
        bound.set(key, known);
      }
    }
  }
  return { parts, bound: [...bound.values()] };
}

/**
 * @param {string} project
 * @param {Part} part
 * @param {string | undefined} sdk
 * @param {(text: string) => void} report
 */
function checkPaths(project, { file, rules, variables }, sdk, report) {
  const directory = join(project, dirname(file));
  const sources = [rules.modules, rules.data].flatMap((part) =>
    Object.values(part ?? {}).flatMap((rule) => list(rule)),
  );
  for (const source of sources) {
    const path = expand(source, directory, sdk);
    if (path !== undefined && filesOf(path).length === 0) report(`${file}: ${source} matches no file`);
  }
  for (const include of list(rules.include)) {
    const path = expand(replaceVariables(include, variables), directory, sdk);
    if (path !== undefined && !existsSync(path)) report(`${file}: ${include} is not there`);
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

/** The modules of ours that a part binds; declarations (.d.ts) and C are none. @param {Manifest} rules @param {string} directory */
function modulesOf(rules, directory) {
  const excluded = list(rules.modules?.["~"]).map((path) => resolve(directory, path));
  /** @type {{ specifier: string, file: string }[]} */
  const found = [];
  for (const [specifier, rule] of Object.entries(rules.modules ?? {})) {
    if (specifier === "~") continue;
    for (const source of list(rule)) {
      if (source.startsWith("$(")) continue;
      for (const file of filesOf(resolve(directory, source))) {
        const stem = join(dirname(file), stemOf(basename(file)));
        if (excluded.includes(stem) || file.endsWith(".d.ts") || !/\.(ts|js|json)$/.test(file)) continue;
        if (basename(file).startsWith("manifest")) continue;
        found.push({ specifier: specifier.replace("*", stemOf(basename(file))), file });
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

/** mcconfig passes over comments, also over those by which ESP-IDF says that an option is off. @param {string} project @param {string[]} problems */
function checkSdkconfig(project, problems) {
  for (const [index, line] of readFileSync(join(project, SDKCONFIG), "utf8").split("\n").entries()) {
    if (/^$|^#(?! CONFIG_)|^CONFIG_[A-Z0-9_]+=[^=]+$/.test(line)) continue;
    problems.push(`${SDKCONFIG}:${index + 1}: is no CONFIG_NAME=value ("=n" is off) and no comment`);
  }
}

/** mcconfig's wildcards in `preload` find no TypeScript: every module stands there by name. @param {string} project @param {Part[]} parts @param {Bound[]} bound @param {string[]} problems */
function checkPreload(project, parts, bound, problems) {
  for (const file of new Set(parts.map((part) => part.file))) {
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
  const main = readManifest(project, APP_MANIFEST).creation?.main;
  const names = bound.filter(
    ({ specifier, manifest, file: path }) =>
      manifest === file &&
      manifest !== CASES_MANIFEST &&
      specifier !== main &&
      !importsOf(readFileSync(path, "utf8")).some((name) => NEVER_PRELOADED.includes(name)),
  );
  return [...new Set(names.map(({ specifier }) => specifier))];
}

/** @param {string} project @param {Bound} module @param {Bound[]} bound @param {string[]} problems */
function checkSource(project, { specifier, file, targets }, bound, problems) {
  const name = relative(project, file);
  /** @param {string} text */
  const report = (text) => problems.push(`${name}: ${text}`);
  const text = readFileSync(file, "utf8");
  const natives = [...text.matchAll(/ @ "(\w+)"/g)].map((match) => match[1] ?? "");
  if (!file.endsWith(".ts") && natives.length === 0) {
    report(`${specifier} is no TypeScript and would become a module all the same; exclude it with "~"`);
    return;
  }
  const missingC = natives.filter((native) => !isInC(project, native));
  if (missingC.length > 0) report(`no C has ${missingC.join(", ")}`);
  const source = withoutComments(text);
  for (const wanted of importsOf(source)) {
    const missing = targets.filter((target) => !isThere(wanted, file, target, bound));
    if (missing.length > 0) report(`imports "${wanted}", which is not there on ${missing.join(", ")}`);
  }
  const state = /^(?:export )?(?:let|var) (\w+)/m.exec(source);
  if (state) report(`module state "${state[1]}" is frozen once preloaded`);
  // XS 8.2.3 executes one in ROM with memory that it takes from malloc and collects as its own.
  const frozen = /^(?:export )?const (\w+)[^=]*= \/(?![/*])/m.exec(source);
  if (frozen)
    report(`regular expression "${frozen[1]}" of the module: once preloaded, XS corrupts its heap by it`);
  for (const [foreign, pattern] of Object.entries(FOREIGN_GLOBALS)) {
    if (pattern.test(withoutTexts(source))) report(`uses ${foreign}, which XS does not have`);
  }
}

/** Is the function of a native defined? @param {string} project @param {string} native */
function isInC(project, native) {
  const directory = join(project, "hosts", "native", "binding");
  return readdirSync(directory)
    .filter((file) => file.endsWith(".c"))
    .some((file) => new RegExp(`^void ${native}\\(`, "m").test(readFileSync(join(directory, file), "utf8")));
}

/** @param {string} wanted @param {string} file @param {string} target @param {Bound[]} bound */
function isThere(wanted, file, target, bound) {
  const ours = bound.filter((module) => module.targets.includes(target));
  if (!wanted.startsWith(".")) {
    const sdk = /** @type {Record<string, readonly string[]>} */ (SDK_MODULES)[wanted];
    return sdk?.includes(target) || ours.some((module) => module.specifier === wanted);
  }
  // On the device a relative specifier is resolved against the specifier of the module, not against its file.
  const path = `${resolve(dirname(file), wanted)}.ts`;
  return ours.some(({ file: from, specifier }) => from === file && resolvesTo(specifier, wanted, path, ours));
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
  const { parts, bound } = collect(project, () => {});
  for (const file of new Set(parts.map((part) => part.file))) {
    const wanted = wantedPreload(project, file, bound);
    if (wanted.length === 0) continue;
    const manifest = { ...readManifest(project, file), preload: wanted };
    writeFileSync(join(project, file), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writePreload();
  const problems = checkManifests(PROJECT, process.env.MODDABLE);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
