// SPDX-License-Identifier: MIT
/**
 * Builds the XS worker, once, from the C sources in the npm package `@agoric/xsnap`: about 10 s with a C compiler
 * and make. The package's own install script stays off (`allowScripts` in package.json), so that an installation
 * takes no compiler and nobody waits for an engine that they do not use.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "../../scripts/build-lock";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGE = join(ROOT, "node_modules", "@agoric", "xsnap");
const OURS = join(ROOT, "hosts", "xs", "native");
const PLATFORMS: Readonly<Record<string, string>> = Object.freeze({ linux: "lin", darwin: "mac" });

/** There is no XS engine on this computer; the message says why and what to do, in one line. */
export class EngineUnavailable extends Error {
  override readonly name = "EngineUnavailable";
}

/** Where the worker is, and what it was made of. */
export interface Engine {
  readonly path: string;
  /** As in "@agoric/xsnap 0.15.0". */
  readonly version: string;
}

/**
 * The worker, built when it is missing. Processes that ask at the same time build it once.
 * @param log gets one line when a build starts
 * @throws EngineUnavailable
 */
export async function openEngine(log: (line: string) => void = () => {}): Promise<Engine> {
  const platform = PLATFORMS[process.platform];
  if (platform === undefined) {
    throw new EngineUnavailable(
      `no XS engine: it builds on Linux and macOS only, this is ${process.platform}`,
    );
  }
  if (!existsSync(join(PACKAGE, "package.json"))) {
    throw new EngineUnavailable(
      "no XS engine: @agoric/xsnap is not installed; run `npm ci` without --omit=dev",
    );
  }
  const version = packageVersion();
  const directory = join(ROOT, "build", "xs", keyOf(version));
  const engine = { path: join(directory, "xsnap-worker"), version: `@agoric/xsnap ${version}` };
  mkdirSync(directory, { recursive: true });
  if (existsSync(engine.path)) return engine;
  await withLock(
    `${directory}.lock`,
    async () => {
      if (existsSync(engine.path)) return;
      log("building the XS engine, once (about 10 s)");
      await build(platform, version, directory, engine.path);
    },
    { log },
  );
  return engine;
}

/**
 * `openEngine` for what can go on without: undefined, after one line to `log`, where there is no engine.
 * @throws EngineUnavailable in CI, where the absence would go unnoticed
 */
export async function tryEngine(log: (line: string) => void): Promise<Engine | undefined> {
  try {
    return await openEngine(log);
  } catch (error) {
    if (!(error instanceof EngineUnavailable) || process.env.CI) throw error;
    log(error.message);
    return undefined;
  }
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  return version;
}

/** Other sources, another engine. */
function keyOf(version: string): string {
  const hash = createHash("sha256");
  hash.update(`${version} ${process.platform} ${process.arch} ${process.env.CC ?? ""}`);
  hash.update(readFileSync(join(OURS, "xsnap-worker.c")));
  return hash.digest("hex").slice(0, 16);
}

async function build(platform: string, version: string, directory: string, target: string): Promise<void> {
  const makefiles = join(PACKAGE, "xsnap-native", "xsnap", "makefiles", platform);
  // Relative to the makefile: make cannot take a path with a blank, and a project may lie below one.
  const from = (path: string): string => relative(makefiles, path);
  const modules = from(join(PACKAGE, "moddable", "modules", "data"));
  const sources = [
    from(OURS),
    from(join(PACKAGE, "moddable", "xs", "sources")),
    from(join(PACKAGE, "xsnap-native", "xsnap", "sources")),
    `${modules}/text/decoder`,
    `${modules}/text/encoder`,
    `${modules}/base64`,
  ];
  const output = join(directory, "build");
  const { code, text } = await run(
    "make",
    [
      `-j${availableParallelism()}`,
      "-f",
      "xsnap-worker.mk",
      "GOAL=release",
      `BUILD_DIR=${from(output)}`,
      `MODDABLE=${from(join(PACKAGE, "moddable"))}`,
      `XSNAP_VERSION=${version}`,
      // Ours comes first, so that it stands in for the file of the same name.
      `VPATH=${sources.join(":")}`,
      ...(process.env.CC ? [`CC=${process.env.CC}`] : []),
    ],
    makefiles,
  );
  if (code !== 0) {
    const last = text.trim().split("\n").pop() ?? "";
    throw new EngineUnavailable(
      `no XS engine: it needs make and a C compiler (gcc 10, clang 12 or later; on Debian: apt-get install build-essential); ${last}`,
    );
  }
  renameSync(join(output, "bin", platform, "release", "xsnap-worker"), target);
  rmSync(output, { recursive: true, force: true });
}

function run(command: string, parameters: string[], cwd: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    child.on("error", (error) => resolve({ code: -1, text: error.message }));
    child.on("close", (code) => resolve({ code: code ?? -1, text }));
  });
}
