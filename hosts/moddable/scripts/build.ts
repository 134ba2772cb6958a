// SPDX-License-Identifier: MIT
/** Runs mcconfig and does not take its word for it: warnings that hide a missing module are errors. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, relative, resolve } from "node:path";
import { withLock } from "../../../scripts/build-lock";
import { type Manifest, MODULE_MANIFESTS, preloadedModules } from "./check-manifests";
import { bytecodeIn } from "./figures";
import type { Sdk } from "./sdk";
import { mergeSdkconfig, sdkconfigOf, settingsNotIn } from "./sdkconfig";

/** Folders of the apps; mcconfig takes the folder's name for the app's. */
export const APPS = Object.freeze({ firmware: "firmware", cases: "test/on-device" });

/** Platforms of mcconfig by the names of the npm scripts; each has LED and button in the SDK's target. */
export const BOARDS = Object.freeze({
  esp32: "esp32/nodemcu",
  esp32s2: "esp32/saola_wroom",
  esp32s3: "esp32/esp32s3",
  esp32c3: "esp32/esp32c3",
  esp32c6: "esp32/esp32c6",
});

export interface BuildOptions {
  /** Directory of package.json */
  readonly project: string;
  readonly sdk: Sdk;
  /** Its folder, of `APPS`, or an absolute path */
  readonly app: string;
  /** Of mcconfig */
  readonly platform: string;
  /** Of mcconfig; never its default, which ends other processes on Linux */
  readonly target: "build" | "deploy";
  readonly mode: "debug" | "instrument" | "release";
  /** `key=value`, into `mc/config` */
  readonly settings: readonly string[];
  /** In place of the app's own, which it includes. */
  readonly manifest?: string | undefined;
}

/** A line of mcconfig that is only a warning there, though the app lacks a part. */
export function isFatalWarning(line: string) {
  return /warning: no (modules|data|resources) match/.test(line);
}

/**
 * Builds, or builds and flashes. Builds of one target take turns.
 * @returns `output` is the directory of what was built
 */
export async function build(options: BuildOptions): Promise<{ status: number; output: string }> {
  const { project, app, platform, mode } = options;
  const root = rootOf(project, app);
  mkdirSync(root, { recursive: true });
  const name = join(root, `${basename(app)}-${platform.replaceAll("/", "-")}-${mode}`);
  return withLock(`${name}.lock`, () => buildAlone(options, root, name), { log: console.error });
}

/** Where everything goes: mcconfig tells apps apart by the names of their folders alone. */
function rootOf(project: string, app: string) {
  const root = join(project, "build", "moddable");
  return isAbsolute(app)
    ? join(root, "apps", createHash("sha256").update(app).digest("hex").slice(0, 12))
    : root;
}

/**
 * @param root where everything goes
 * @param name of what belongs to this build alone, a path without an ending
 */
async function buildAlone(options: BuildOptions, root: string, name: string) {
  const { project, sdk, app, platform, target, mode, settings, manifest } = options;
  const [family = platform, board] = platform.split("/");
  const tail = [family, board ?? "mc", mode, basename(app)];
  const temporary = join(root, "tmp", ...tail);
  const output = join(root, "bin", ...tail);
  forgetStale(`${name}.sha256`, [output, temporary], options);
  const sdkconfig = family === "esp32" ? sdkconfigIn(resolve(project, app)) : undefined;
  const mcconfig = (into: string, how: string[], variables: Readonly<Record<string, string>> = {}) => {
    const parameters = [
      ...{ debug: ["-d"], instrument: ["-i"], release: [] }[mode],
      ...[...how, "-p", platform, "-t", target, "-o", into],
      isAbsolute(app) ? inFlashOf(root, app) : (manifest ?? manifestOf(project, app)),
      ...settings,
    ];
    return run(join(sdk.tools, "mcconfig"), parameters, project, sdk, app, variables, (line) => {
      if (isFatalWarning(line)) fatal.push(line);
    });
  };
  const fatal: string[] = [];
  let ofBoard: Readonly<Record<string, string>> = {};
  if (sdkconfig !== undefined) {
    // Only to see which folder it takes: what it writes there the real one would rewrite, and all would be compiled anew.
    const trial = `${name}-trial`;
    mkdirSync(trial, { recursive: true });
    const status = await mcconfig(trial, []);
    if (status !== 0) return { status, output };
    const makefile = readFileSync(join(trial, "tmp", ...tail, "makefile"), "utf8");
    const taken = sdkconfigOf(makefile);
    if (taken !== undefined && taken !== sdkconfig) {
      mergeSdkconfig(taken, sdkconfig, `${name}-sdkconfig`);
      ofBoard = { BERTH_SDKCONFIG: `${name}-sdkconfig` };
    }
    ofBoard = { ...ofBoard, ...flagsOf(makefile) };
    fatal.length = 0;
  }
  const status = await mcconfig(root, ["-m"], ofBoard);
  const problems = fatal.map((line) => line.replace(/^# /, ""));
  if (status === 0) {
    const wanted = isAbsolute(app)
      ? []
      : manifest === undefined
        ? preloadedModules(project, `${app}/manifest.json`, family)
        : (JSON.parse(readFileSync(manifest, "utf8")) as { preload: string[] }).preload;
    const makefile = join(temporary, "makefile");
    const text = existsSync(makefile) ? readFileSync(makefile, "utf8") : "";
    for (const module of notPreloaded(wanted, text))
      problems.push(`${module} is not preloaded: every change of it costs RAM`);
    if (sdkconfig !== undefined) {
      const merged = /^SDKCONFIG_FILE ?= ?(.*)$/m.exec(text)?.[1]?.trim() ?? "";
      for (const line of settingsNotIn(sdkconfig, existsSync(merged) ? readFileSync(merged, "utf8") : ""))
        problems.push(`${line} of ${relative(project, sdkconfig)} does not hold on ${platform}`);
    }
  }
  for (const problem of problems) console.error(`error: ${problem}`);
  if (status === 0) console.log(bytecodeIn(temporary));
  return { status: status === 0 && problems.length > 0 ? 1 : status, output };
}

/**
 * For the C of XS and of the app on RISC-V what CONFIG_COMPILER_SAVE_RESTORE_LIBCALLS is for that of ESP-IDF. By the environment,
 * so that a board's own flags outweigh it.
 * @param makefile its text
 */
export function flagsOf(makefile: string): Readonly<Record<string, string>> {
  return /^ESP32_SUBCLASS = esp32[chp]\d/m.test(makefile)
    ? { C_FLAGS_SUBPLATFORM: "-msave-restore -falign-functions=2" }
    : {};
}

/** An app's own settings of ESP-IDF: the folder that its manifest names, or `sdkconfig`. */
function sdkconfigIn(app: string): string | undefined {
  const { platforms } = JSON.parse(readFileSync(join(app, "manifest.json"), "utf8")) as Manifest;
  const path = resolve(app, platforms?.esp32?.build?.SDKCONFIGPATH ?? "sdkconfig");
  return existsSync(path) ? path : undefined;
}

/** The overlay with the site's settings, where there is one. */
export function manifestOf(project: string, app: string) {
  const local = resolve(project, app, "manifest_local.json");
  return existsSync(local) ? local : resolve(project, app, "manifest.json");
}

/**
 * A manifest around an app outside the project: the file that stands for flash is then in the directory of the run, where
 * the app's own would put it into /tmp for all runs.
 */
function inFlashOf(root: string, app: string) {
  const directory = join(root, basename(app));
  const simulators = { config: { file: { root: "./" } } };
  const manifest = { include: manifestOf("/", app), platforms: { esp32: {}, "...": simulators } };
  const text = JSON.stringify(manifest);
  const file = join(directory, "manifest.json");
  mkdirSync(directory, { recursive: true });
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
  return file;
}

/**
 * mcconfig goes by the time of files alone: what a manifest names anew is not rebuilt when it is older. After a
 * change of a manifest, or with another SDK, what was built goes.
 * @param stamp the file that keeps what the manifests were
 */
export function forgetStale(
  stamp: string,
  directories: readonly string[],
  { project, sdk, app }: Pick<BuildOptions, "project" | "sdk" | "app">,
) {
  const hash = createHash("sha256").update(JSON.stringify([sdk.moddable, sdk.version]));
  for (const file of manifestsBelow(project, app)) hash.update(readFileSync(resolve(project, file)));
  const digest = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  writeFileSync(stamp, digest);
}

function manifestsBelow(project: string, app: string) {
  const below = [...Object.values(APPS), "hosts"].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true }).map((file) => join(folder, String(file))),
  );
  const own = isAbsolute(app) ? readdirSync(app).map((file) => join(app, file)) : [];
  const found = [...below, ...own].filter((file) => /^manifest.*\.json$/.test(basename(file)));
  return [...MODULE_MANIFESTS, ...found.sort()];
}

/**
 * Modules that our manifests preload and that the makefile does not: mcconfig skips what it does not find.
 * @param makefile its text; of every platform it has the list
 */
export function notPreloaded(wanted: readonly string[], makefile: string) {
  return wanted.filter((name) => !makefile.includes(`-p ${name}.xsb`));
}

function run(
  command: string,
  parameters: readonly string[],
  project: string,
  sdk: Sdk,
  app: string,
  variables: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
): Promise<number> {
  // mcconfig looks for its kin and for tsc in PATH.
  const path = [sdk.tools, join(project, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
  const directory = resolve(project, app);
  return new Promise((done) => {
    const child = spawn(command, parameters, {
      cwd: directory,
      env: { ...process.env, ...variables, PATH: path },
      stdio: ["inherit", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      let rest = "";
      from.on("data", (chunk: Buffer) => {
        to.write(chunk);
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop() ?? "";
        lines.forEach(onLine);
      });
      from.on("end", () => onLine(rest));
    }
    child.on("error", (error) => {
      console.error(`error: ${error.message}`);
      done(1);
    });
    child.on("close", (status) => done(status ?? 1));
  });
}
