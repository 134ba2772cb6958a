// SPDX-License-Identifier: MIT
/** Finds the Moddable SDK and says what is missing, and how to get it, before anything is built. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { findMbedtls, MBEDTLS_MISSING } from "../../native/scripts/mbedtls";

/** The oldest versions that the firmware is made for. */
export const OLDEST = Object.freeze({ sdk: "8.2.3", typescript: "6.0.0" });

/** Platforms of the SDK by Node's names of operating systems. */
const SIMULATORS = Object.freeze({ linux: "lin", darwin: "mac", win32: "win" });

export interface Sdk {
  /** Its directory */
  readonly moddable: string;
  /** Directory of mcconfig and its kin */
  readonly tools: string;
  /** "lin", "mac" or "win" */
  readonly simulator: string;
  readonly version: string;
}

/** What is looked at; tests put their own in */
export interface Surroundings {
  readonly environment: Record<string, string | undefined>;
  /** As `process.platform` */
  readonly os: string;
  /** Directory of package.json */
  readonly project: string;
  readonly exists: (path: string) => boolean;
  readonly read: (path: string) => string;
  /** Trimmed output; throws on failure */
  readonly run: (command: string, parameters: string[], directory?: string) => string;
  /** Does the C compiler find one? */
  readonly mbedtls: () => boolean;
}

export function thisComputer(project: string): Surroundings {
  return {
    environment: process.env,
    os: process.platform,
    project,
    exists: existsSync,
    read: (path) => readFileSync(path, "utf8"),
    run: (command, parameters, directory) =>
      execFileSync(command, parameters, {
        cwd: directory ?? project,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim(),
    // That of the environment's MBEDTLS is for berth-native: the SDK's makefile takes the system's.
    mbedtls: () => findMbedtls("") !== undefined,
  };
}

/** Is `version` ("v6.0.2", "8.2.3", "7.0.0-beta") at least `oldest`? Text that is no version is not. */
export function atLeast(version: string, oldest: string) {
  const have = numbers(version);
  const want = numbers(oldest) ?? [];
  if (!have) return false;
  for (let i = 0; i < 3; i += 1) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version: string): number[] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.trim());
  return match ? match.slice(1).map((part) => Number(part ?? 0)) : undefined;
}

/**
 * Looks for everything that a build for `target` needs.
 * @returns each problem says what to do
 */
export function findSdk(
  target: "esp32" | "simulator",
  around: Surroundings,
): { sdk: Sdk | undefined; problems: string[] } {
  const problems: string[] = [];
  const sdk = checkModdable(around, problems);
  checkTypeScript(around, problems);
  if (target === "esp32") checkIdf(sdk, around, problems);
  if (target === "simulator") checkSimulator(around, problems);
  return { sdk: problems.length === 0 ? sdk : undefined, problems };
}

function checkModdable({ environment, os, exists, read }: Surroundings, problems: string[]): Sdk | undefined {
  const moddable = environment.MODDABLE;
  const simulator = (SIMULATORS as Record<string, string>)[os];
  if (!simulator) {
    problems.push(`the Moddable SDK does not run on ${os}; use Linux, macOS or Windows`);
    return undefined;
  }
  if (!moddable) {
    problems.push(
      "MODDABLE is not set: install the Moddable SDK with `npx xs-dev setup`, then open a new shell",
    );
    return undefined;
  }
  if (!isAbsolute(moddable) || !exists(join(moddable, "modules"))) {
    problems.push(
      `MODDABLE is "${moddable}", which is no Moddable SDK: correct it, or run \`npx xs-dev setup\``,
    );
    return undefined;
  }
  const file = join(moddable, "tools", "VERSION");
  const version = exists(file) ? read(file).trim() : "unknown";
  if (!atLeast(version, OLDEST.sdk)) {
    problems.push(
      `the Moddable SDK in ${moddable} is ${version}, ${OLDEST.sdk} or later is needed: run \`npx xs-dev update\``,
    );
  }
  const tools = ["release", "debug"].map((mode) => join(moddable, "build", "bin", simulator, mode));
  const mcconfig = os === "win32" ? "mcconfig.bat" : "mcconfig";
  const found = tools.find((directory) => exists(join(directory, mcconfig)));
  if (!found) {
    problems.push(
      `the tools of the SDK are not built (no ${mcconfig} in ${tools[0]}): run \`npx xs-dev setup\``,
    );
    return undefined;
  }
  return { moddable, tools: found, simulator, version };
}

function checkTypeScript({ project, exists, read }: Surroundings, problems: string[]) {
  const file = join(project, "node_modules", "typescript", "package.json");
  if (!exists(file)) {
    problems.push("TypeScript is not installed: run `npm install`");
    return;
  }
  const { version } = JSON.parse(read(file)) as { version: string };
  if (!atLeast(version, OLDEST.typescript)) {
    problems.push(`TypeScript is ${version}, ${OLDEST.typescript} or later is needed: run \`npm install\``);
  }
}

/** The version of ESP-IDF that the SDK was made for stands in the SDK: without one only its presence is judged. */
function checkIdf(
  sdk: Sdk | undefined,
  { environment, exists, read, run }: Surroundings,
  problems: string[],
) {
  const idf = environment.IDF_PATH;
  const setup = "run `npx xs-dev setup --device esp32`, then open a new shell";
  if (!idf || !exists(idf)) {
    problems.push(`no ESP-IDF (IDF_PATH is ${idf ? `"${idf}", which is not there` : "not set"}): ${setup}`);
    return;
  }
  if (!sdk) return;
  const manifest = join(sdk.moddable, "build", "devices", "esp32", "manifest.json");
  const expected = /"EXPECTED_ESP_IDF"\s*:\s*"([^"]+)"/.exec(exists(manifest) ? read(manifest) : "")?.[1];
  const found = idfVersion(idf, exists, read, run);
  if (expected === undefined) return;
  const same = numbers(found)?.slice(0, 2).join() === numbers(expected)?.slice(0, 2).join();
  if (!same) problems.push(`ESP-IDF in ${idf} is ${found}, this SDK expects ${expected}: ${setup}`);
}

function idfVersion(
  idf: string,
  exists: Surroundings["exists"],
  read: Surroundings["read"],
  run: Surroundings["run"],
) {
  const file = join(idf, "version.txt");
  if (exists(file)) return read(file).trim();
  try {
    return run("git", ["describe", "--always", "--abbrev=0"], idf);
  } catch {
    return "unknown";
  }
}

/** mcconfig compiles C for the simulators. */
function checkSimulator({ environment, os, exists, run, mbedtls }: Surroundings, problems: string[]) {
  const prefix = environment.MBEDTLS;
  if (os === "darwin" && !(prefix && exists(join(prefix, "include", "mbedtls", "ssl.h")))) {
    problems.push(
      `MBEDTLS is ${prefix ? `"${prefix}", which has no include/mbedtls/ssl.h` : "not set"}: install mbedTLS and set it to its prefix (Homebrew: brew install mbedtls@3, then export MBEDTLS="$(brew --prefix mbedtls@3)")`,
    );
  }
  if (os !== "linux") return;
  const wanted: [string, string[], string][] = [
    ["cc", ["--version"], "no C compiler: install gcc (Debian: apt-get install build-essential)"],
    ["make", ["--version"], "no make (Debian: apt-get install build-essential)"],
    [
      "pkg-config",
      ["--exists", "gio-2.0", "glib-2.0"],
      "GLib is missing (Debian: apt-get install pkg-config libglib2.0-dev, or libgtk-3-dev for the simulator's window)",
    ],
  ];
  for (const [command, parameters, problem] of wanted) {
    try {
      run(command, parameters);
    } catch {
      problems.push(problem);
    }
  }
  if (!mbedtls()) problems.push(MBEDTLS_MISSING);
}
