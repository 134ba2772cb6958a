// SPDX-License-Identifier: MIT
/**
 * Checks the Moddable manifests and the code that they bind, without the SDK; where MODDABLE is set, the SDK's paths
 * too. mcconfig itself only warns, or says nothing, about most of this.
 *
 *   npm run check:manifests [-- --write]     --write corrects the lists of preloaded modules
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
/** What apps include: one of them. */
export const MODULE_MANIFESTS = ["manifest.json", "manifest_telemetry.json", "manifest_certificates.json"];
const CORE_MANIFEST = "hosts/moddable/manifest_core.json";
const APP_MANIFEST = "firmware/manifest.json";
/** An app that is no product: nothing of it is preloaded. */
const CASES_MANIFEST = "test/on-device/manifest.json";
/** Each is complete with what it includes. */
const APPS = [APP_MANIFEST, CASES_MANIFEST, ...MODULE_MANIFESTS, "manifest_outbox.json"];
/** Leave out the SDK's own ways into a network; for apps that want Berth's alone. */
const NETWORK_MANIFESTS = ["hosts/moddable/manifest_wifi.json", "hosts/moddable/manifest_ethernet.json"];
const SDKCONFIG = "firmware/sdkconfig/sdkconfig.defaults";
/** Must say no to a platform that they do not know. */
const GUARDED = [CORE_MANIFEST, "hosts/moddable/manifest_board.json", APP_MANIFEST, CASES_MANIFEST];

/** Platforms of mcconfig. */
const TARGETS = ["esp32", "lin", "mac", "win"];

/** What device code may import of the SDK, and for which targets it is there; see the manifests that we include. */
export const SDK_MODULES = Object.freeze({
  Resource: TARGETS,
  "embedded:io/socket/listener": TARGETS,
  "embedded:io/socket/tcp": TARGETS,
  "embedded:io/socket/udp": TARGETS,
  "embedded:storage/flash": ["esp32"],
  instrumentation: TARGETS,
  "mc/config": TARGETS,
  modules: TARGETS,
  net: TARGETS,
  preference: TARGETS,
  resetReason: ["esp32"],
  "text/decoder": TARGETS,
  time: TARGETS,
  timer: TARGETS,
});

/** Reads its file when it is loaded, in the simulators: preloaded, that is at build time, and so is what imports it. */
const NEVER_PRELOADED = ["preference"];
/** Loaded by apps that want them, and with state of their own. */
const LOADED_LATE = ["berth/board", "berth/hosts/moddable/board"];

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

/**
 * Set for our own apps, too: mcconfig does not read tsconfig.json. Not in what other apps include: options hold for all
 * of an app, and there they are its own. Without `skipLibCheck` the SDK's typings do not pass.
 */
const IMPOSED = { skipLibCheck: true };
const STRICTNESS = [
  "strict",
  "noImplicitOverride",
  "noImplicitReturns",
  "noFallthroughCasesInSwitch",
  "isolatedModules",
  "verbatimModuleSyntax",
  "erasableSyntaxOnly",
];

export interface Manifest {
  readonly include?: string | string[];
  readonly modules?: Record<string, string | string[]>;
  readonly data?: Record<string, string | string[]>;
  readonly preload?: string | string[];
  readonly creation?: Record<string, unknown>;
  readonly build?: Record<string, string>;
  readonly platforms?: Record<string, Manifest & { error?: string }>;
  readonly typescript?: { tsconfig?: { compilerOptions?: Record<string, unknown> } };
}

/** A manifest, or a branch of one, that a target takes */
export interface Part {
  /** Of the manifest, in the project */
  readonly file: string;
  readonly rules: Manifest;
}

/** A module of ours */
export interface Bound {
  readonly specifier: string;
  readonly file: string;
  /** That binds it */
  readonly manifest: string;
  readonly targets: string[];
}

function list<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function readManifest(project: string, file: string): Manifest {
  return JSON.parse(readFileSync(join(project, file), "utf8"));
}

/** What a target, or any board of it, takes of an app: its manifest and all that this includes of the project. */
function partsFor(
  project: string,
  target: string,
  report: (text: string) => void,
  file: string,
  seen: Set<string> = new Set(),
): Part[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const manifest = readManifest(project, file);
  const { platforms = {} } = manifest;
  const branch = platforms[target] ?? platforms["..."];
  if (branch?.error) report(`${file}: refuses ${target}: ${branch.error}`);
  const boards = Object.keys(platforms).filter((name) => name.startsWith(`${target}/`));
  const parts: Part[] = [];
  for (const rules of [manifest, branch, ...boards.map((name) => platforms[name])]) {
    if (rules === undefined) continue;
    parts.push({ file, rules });
    for (const include of list(rules.include)) {
      if (include.startsWith("$(")) continue;
      const included = relative(project, resolve(project, dirname(file), include));
      if (!existsSync(join(project, included))) report(`${file}: ${include} is not there`);
      else parts.push(...partsFor(project, target, report, included, seen));
    }
  }
  return parts;
}

/**
 * The modules that a build of ours must preload.
 * @param manifest of the app
 * @param platform of mcconfig, without its board
 */
export function preloadedModules(project: string, manifest: string, platform: string): string[] {
  const preload = partsFor(project, platform, () => {}, manifest).flatMap(({ rules }) => list(rules.preload));
  return [...new Set(preload)];
}

/** The modules of ours that a build takes. @param manifest of the app. @param target of mcconfig, without its board */
export function boundModules(project: string, manifest: string, target: string): Bound[] {
  return collect(project, () => {}, [manifest], [target]).bound;
}

/**
 * Everything that is wrong, one line each.
 * @param sdk directory of the SDK, where there is one
 */
export function checkManifests(project: string = PROJECT, sdk?: string): string[] {
  const problems: string[] = [];
  const report = (text: string) => problems.push(text);
  const { parts, bound } = collect(project, report);
  for (const part of parts) {
    checkPaths(project, part, sdk, report);
    checkC(project, part, report);
  }
  checkImposed(parts, report);
  for (const file of GUARDED) {
    if (!readManifest(project, file).platforms?.["..."]?.error)
      report(`${file}: no error for other platforms ("...")`);
  }
  for (const file of [APP_MANIFEST, CASES_MANIFEST]) {
    checkStrictness(project, file, report);
    // What names a folder of its own would keep BERTH_SDKCONFIG from it, which holds the board's settings too.
    if (!list(readManifest(project, file).include).at(-1)?.endsWith("manifest_sdkconfig.json"))
      report(`${file}: includes manifest_sdkconfig.json not, or not last`);
  }
  checkSdkconfig(project, problems);
  checkPreload(project, parts, bound, problems);
  for (const app of APPS) {
    const own = collect(project, () => {}, [app]).bound;
    for (const module of own) checkSource(project, module, own, problems);
  }
  return [...new Set(problems)];
}

/** All parts that any target takes of `apps`, and the modules that they bind. */
function collect(
  project: string,
  report: (text: string) => void,
  apps: readonly string[] = APPS,
  targets: readonly string[] = TARGETS,
) {
  const parts: Part[] = [];
  const bound: Map<string, Bound> = new Map();
  const taken = targets.flatMap((target) =>
    apps
      .filter((file) => file !== CASES_MANIFEST || target === "lin" || target === "esp32")
      .map((file) => ({ target, file })),
  );
  for (const { target, file: app } of taken) {
    for (const part of partsFor(project, target, report, app)) {
      parts.push(part);
      for (const { specifier, file } of modulesOf(part.rules, join(project, dirname(part.file)))) {
        const key = `${part.file} ${specifier} ${file}`;
        const known = bound.get(key) ?? { specifier, file, manifest: part.file, targets: [] };
        if (!known.targets.includes(target)) known.targets.push(target);
        bound.set(key, known);
      }
    }
  }
  return { parts, bound: [...bound.values()] };
}

function checkPaths(
  project: string,
  { file, rules }: Part,
  sdk: string | undefined,
  report: (text: string) => void,
) {
  const directory = join(project, dirname(file));
  const sources = [rules.modules, rules.data].flatMap((part) =>
    Object.values(part ?? {}).flatMap((rule) => list(rule)),
  );
  for (const source of sources) {
    const path = expand(source, directory, sdk);
    if (path !== undefined && filesOf(path).length === 0) report(`${file}: ${source} matches no file`);
  }
  for (const include of list(rules.include)) {
    const path = expand(include, directory, sdk);
    if (path !== undefined && !existsSync(path)) report(`${file}: ${include} is not there`);
  }
}

/** The path, or undefined for one of the SDK while there is no SDK. */
function expand(path: string, directory: string, sdk: string | undefined) {
  if (!path.startsWith("$(")) return resolve(directory, path);
  if (sdk === undefined) return undefined;
  return path
    .replace("$(MODULES)", join(sdk, "modules"))
    .replace("$(BUILD)", join(sdk, "build"))
    .replace("$(MODDABLE)", sdk);
}

/** Files that a path of a manifest means: it has no ending, and `*` stands for any name. */
function filesOf(path: string) {
  const directory = dirname(path);
  if (!existsSync(directory)) return [];
  const name = basename(path);
  const start = name.endsWith("*") ? name.slice(0, -1) : undefined;
  return readdirSync(directory)
    .filter((file) => (start === undefined ? stemOf(file) === name || file === name : file.startsWith(start)))
    .map((file) => join(directory, file));
}

function stemOf(file: string) {
  return file.replace(/(\.d)?\.[^.]+$/, "");
}

/** The modules of ours that a part binds; declarations (.d.ts) and C are none. */
function modulesOf(rules: Manifest, directory: string) {
  const excluded = list(rules.modules?.["~"]).map((path) => resolve(directory, path));
  const found: { specifier: string; file: string }[] = [];
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

function checkStrictness(project: string, file: string, report: (text: string) => void) {
  const options = readManifest(project, file).typescript?.tsconfig?.compilerOptions ?? {};
  for (const name of STRICTNESS) {
    if (options[name] !== true) report(`${file}: typescript.tsconfig.compilerOptions.${name} is not true`);
  }
}

/** What an app includes leaves to it its options of TypeScript, its network and its names in C. */
function checkImposed(parts: Part[], report: (text: string) => void) {
  for (const { file, rules } of parts) {
    if (file === APP_MANIFEST || file === CASES_MANIFEST) continue;
    const options = Object.entries(rules.typescript?.tsconfig?.compilerOptions ?? {});
    for (const [name] of options.filter(([name]) => !Object.hasOwn(IMPOSED, name)))
      report(`${file}: imposes typescript.tsconfig.compilerOptions.${name} on apps`);
    for (const [path] of list(rules.modules?.["~"]).map((excluded) => /\/setup\/\w+$/.exec(excluded) ?? [])) {
      if (path !== undefined && !NETWORK_MANIFESTS.includes(file))
        report(`${file}: takes the network of an app (${path.slice(1)})`);
    }
  }
}

/** C has no folders in an app: of two files of one name the second is left out. */
function checkC(project: string, { file, rules }: Part, report: (text: string) => void) {
  const sources = Object.values(rules.modules ?? {}).flatMap((rule) => list(rule));
  for (const source of sources.filter((path) => !path.startsWith("$("))) {
    for (const found of filesOf(resolve(project, dirname(file), source))) {
      if (/\.[ch]$/.test(found) && !basename(found).startsWith("berth_"))
        report(`${file}: ${basename(found)} is no name of our own in C (berth_*)`);
    }
  }
}

/** mcconfig passes over comments, also over those by which ESP-IDF says that an option is off. */
function checkSdkconfig(project: string, problems: string[]) {
  for (const [index, line] of readFileSync(join(project, SDKCONFIG), "utf8").split("\n").entries()) {
    if (/^$|^#(?! CONFIG_)|^CONFIG_[A-Z0-9_]+=[^=]+$/.test(line)) continue;
    problems.push(`${SDKCONFIG}:${index + 1}: is no CONFIG_NAME=value ("=n" is off) and no comment`);
  }
}

/** mcconfig's wildcards in `preload` find no TypeScript: every module stands there by name. */
function checkPreload(project: string, parts: Part[], bound: Bound[], problems: string[]) {
  for (const file of new Set(parts.map((part) => part.file))) {
    const wanted = wantedPreload(project, file, bound);
    const have = list(readManifest(project, file).preload);
    for (const name of wanted)
      if (!have.includes(name)) problems.push(`${file}: preload lacks ${name} (--write adds it)`);
    for (const name of have)
      if (!wanted.includes(name)) problems.push(`${file}: preload has ${name}, which it must not`);
  }
}

function wantedPreload(project: string, file: string, bound: Bound[]): string[] {
  const main = readManifest(project, APP_MANIFEST).creation?.main;
  const names = bound.filter(
    ({ specifier, manifest, file: path }) =>
      manifest === file &&
      manifest !== CASES_MANIFEST &&
      specifier !== main &&
      !LOADED_LATE.includes(specifier) &&
      !importsOf(readFileSync(path, "utf8")).some((name) => NEVER_PRELOADED.includes(name)),
  );
  return [...new Set(names.map(({ specifier }) => specifier))];
}

function checkSource(
  project: string,
  { specifier, file, targets }: Bound,
  bound: Bound[],
  problems: string[],
) {
  const name = relative(project, file);
  const report = (text: string) => problems.push(`${name}: ${text}`);
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
  const state = LOADED_LATE.includes(specifier) ? null : /^(?:export )?(?:let|var) (\w+)/m.exec(source);
  if (state) report(`module state "${state[1]}" is frozen once preloaded`);
  // In ROM XS 8.2.3 executes one with memory that it takes from malloc and collects as its own; anywhere its engine is in the image.
  const isProduct = !name.startsWith(`${dirname(CASES_MANIFEST)}/`);
  const expression = /(?:[=(,:&|!?{[;]|\breturn)\s*(\/[^/*\s][^\n]*)/.exec(withoutTexts(source))?.[1];
  if (isProduct && expression)
    report(`regular expression ${expression}: it brings 21 KB of XS; src/characters.ts`);
  for (const [foreign, pattern] of Object.entries(FOREIGN_GLOBALS)) {
    if (pattern.test(withoutTexts(source))) report(`uses ${foreign}, which XS does not have`);
  }
}

/** Is the function of a native defined? */
function isInC(project: string, native: string) {
  const directory = join(project, "hosts", "native", "binding");
  return readdirSync(directory)
    .filter((file) => file.endsWith(".c"))
    .some((file) => new RegExp(`^void ${native}\\(`, "m").test(readFileSync(join(directory, file), "utf8")));
}

function isThere(wanted: string, file: string, target: string, bound: Bound[]) {
  const ours = bound.filter((module) => module.targets.includes(target));
  if (!wanted.startsWith(".")) {
    const sdk = (SDK_MODULES as Record<string, readonly string[]>)[wanted];
    return sdk?.includes(target) || ours.some((module) => module.specifier === wanted);
  }
  // On the device a relative specifier is resolved against the specifier of the module, not against its file.
  const path = `${resolve(dirname(file), wanted)}.ts`;
  return ours.some(({ file: from, specifier }) => from === file && resolvesTo(specifier, wanted, path, ours));
}

function resolvesTo(from: string, wanted: string, target: string, ours: Bound[]) {
  const specifier = resolve("/", dirname(from), wanted).slice(1);
  return ours.some((module) => module.file === target && module.specifier === specifier);
}

/** What the code imports at run time; types vanish. */
export function importsOf(source: string) {
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

function withoutComments(source: string) {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/[^\n]*/g, "$1");
}

function withoutTexts(source: string) {
  return source.replace(/"[^"\n]*"/g, '""');
}

/** Writes the lists of preloaded modules. */
export function writePreload(project: string = PROJECT) {
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
