#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * The firmware on the Moddable SDK:
 *
 *   moddable.mjs build BOARD|sim [--debug|--release] [--platform esp32/...] [key=value ...]
 *   moddable.mjs flash BOARD     [the same]
 *   moddable.mjs sim   [--debug|--release] [--identity FILE.json] [--state DIR] [--timeout SECONDS] [key=value ...]
 *   moddable.mjs test  [--debug|--release] [--timeout SECONDS]
 *   moddable.mjs --help
 *
 * BOARD: esp32, esp32s2, esp32s3, esp32c3, esp32c6. `key=value` of build and flash goes into the image (ssid= and
 * password= as in the SDK's examples), of sim into the simulated flash. test runs the cases of test/on-device. Without --identity sim starts an emulator.
 * The default mode has the SDK's instruments (-i) for sim and none (release) for a board.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { tsImport } from "tsx/esm/api";
import { APPS, BOARDS, build } from "./moddable-build.mjs";
import { startEmulator } from "./moddable-emulator.mjs";
import { headlessRunner, runHeadless, writePreferences } from "./moddable-headless.mjs";
import { readIdentity } from "./moddable-identity.mjs";
import { findSdk, thisComputer } from "./moddable-sdk.mjs";
import { checkedSettings } from "./moddable-settings.mjs";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * @typedef {object} Arguments
 * @property {"build" | "flash" | "sim" | "test"} action
 * @property {string} target "sim" or a board
 * @property {Readonly<Record<string, string>>} options by name, without dashes
 * @property {readonly string[]} settings `key=value`
 */

/** Options by action, and whether they take a value. */
const BUILDING = { debug: false, release: false, platform: true };
const OPTIONS = Object.freeze({
  build: BUILDING,
  flash: BUILDING,
  sim: { debug: false, release: false, identity: true, state: true, timeout: true },
  test: { debug: false, release: false, timeout: true },
});

/** The command line is wrong; the usage helps. */
export class UsageError extends Error {}

/** The head of this file. */
function usage() {
  const [, head = ""] =
    /\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(fileURLToPath(import.meta.url), "utf8")) ?? [];
  return head.replace(/^ \* ?/gm, "");
}

/**
 * @param {readonly string[]} words
 * @returns {Arguments}
 * @throws UsageError that says what is wrong
 */
export function parseArguments(words) {
  const [action, ...rest] = words;
  if (action !== "build" && action !== "flash" && action !== "sim" && action !== "test") {
    throw new UsageError(`say build, flash, sim or test${action === undefined ? "" : `, not "${action}"`}`);
  }
  /** @type {Record<string, boolean>} */
  const known = OPTIONS[action];
  /** @type {Record<string, string>} */
  const options = {};
  /** @type {string[]} */
  const settings = [];
  /** @type {string[]} */
  const targets = [];
  for (let i = 0; i < rest.length; i += 1) {
    const word = rest[i] ?? "";
    const name = word.slice(2);
    if (word.startsWith("-")) {
      if (!word.startsWith("--") || !Object.hasOwn(known, name)) {
        const names = Object.keys(known).map((option) => `--${option}`);
        throw new UsageError(`${action} has no option ${word}; it has ${names.join(", ")}`);
      }
      if (known[name]) i += 1;
      const value = known[name] ? rest[i] : "true";
      if (value === undefined) throw new UsageError(`${word} needs a value`);
      options[name] = value;
    } else if (action !== "test" && /^[A-Za-z]\w*=/.test(word)) settings.push(word);
    else targets.push(word);
  }
  if (options.timeout !== undefined && !/^\d{1,6}$/.test(options.timeout)) {
    throw new UsageError(`--timeout is a whole number of seconds, not "${options.timeout}"`);
  }
  const runs = action === "sim" || action === "test";
  if (runs && targets.length > 0) {
    throw new UsageError(`${action} does not know "${targets.join(" ")}"`);
  }
  if (runs) return { action, target: "sim", options, settings };
  const [target, ...others] = targets;
  const all = [...Object.keys(BOARDS), ...(action === "flash" ? [] : ["sim"])];
  if (target === undefined || others.length > 0 || !all.includes(target)) {
    throw new UsageError(`${action} takes one of ${all.join(", ")}, not "${targets.join(" ")}"`);
  }
  return { action, target, options, settings };
}

/** @param {Arguments} parsed */
function modeOf({ target, options }) {
  if (options.debug) return "debug";
  return target === "sim" && !options.release ? "instrument" : "release";
}

/** @param {readonly string[]} words @returns {Promise<number>} */
async function main(words) {
  if (words.includes("--help") || words.includes("-h")) {
    console.log(usage());
    return 0;
  }
  const parsed = parseArguments(words);
  const { action, target, options, settings } = parsed;
  const runs = action === "sim" || action === "test";
  // What was typed is judged before anything is looked for or built.
  const given =
    settings.length === 0
      ? {}
      : checkedSettings(settings, !runs, await tsImport("../firmware/settings.ts", import.meta.url));
  const identity = options.identity === undefined ? undefined : readIdentity(options.identity);
  const simulator = target === "sim";
  const { sdk, problems } = findSdk(simulator ? "simulator" : "esp32", thisComputer(PROJECT));
  if (!sdk) {
    for (const problem of problems) console.error(`missing: ${problem}`);
    return 69;
  }
  if (runs && sdk.simulator !== "lin") {
    console.error(
      "missing: the runner without a display is for Linux; here build with `npm run build:sim` and open the result in the SDK's simulator",
    );
    return 69;
  }
  const platform = simulator
    ? sdk.simulator
    : (options.platform ?? /** @type {Record<string, string>} */ (BOARDS)[target] ?? target);
  console.log(`Moddable SDK ${sdk.version}, platform ${platform}`);
  if (!runs && given.password) {
    console.log("note: the password becomes part of the image; do not pass the image on");
  }
  const built = await build({
    project: PROJECT,
    sdk,
    app: action === "test" ? APPS.cases : APPS.firmware,
    platform,
    target: action === "flash" ? "deploy" : "build",
    mode: modeOf(parsed),
    settings: runs ? [] : settings,
  });
  if (built.status !== 0 || !runs) return built.status;
  const app = join(built.output, "mc.so");
  return action === "test" ? runCases(sdk, app, parsed) : simulate(sdk, app, parsed, given, identity);
}

/** @param {import("./moddable-sdk.mjs").Sdk} sdk @param {string} app @param {Arguments} parsed */
async function runCases(sdk, app, { options }) {
  const flash = mkdtempSync(join(tmpdir(), "berth-"));
  try {
    return await runHeadless(headlessRunner(PROJECT, sdk), app, flash, Number(options.timeout ?? 120));
  } finally {
    rmSync(flash, { recursive: true, force: true });
  }
}

/**
 * @param {import("./moddable-sdk.mjs").Sdk} sdk
 * @param {string} app
 * @param {Arguments} parsed
 * @param {Readonly<Record<string, string>>} given settings
 * @param {Readonly<Record<string, string | Uint8Array>> | undefined} identity of the option
 */
async function simulate(sdk, app, { options }, given, identity) {
  const program = headlessRunner(PROJECT, sdk);
  const state = resolve(options.state ?? join(PROJECT, ".berth", "sim"));
  const timeout = Number(options.timeout ?? 0);
  if (identity !== undefined) {
    writePreferences(state, { berth: given, "berth-id": identity });
    return runHeadless(program, app, state, timeout);
  }
  const emulator = await startEmulator(PROJECT, state);
  try {
    const settingsHere = {
      connectTo: `:127.0.0.1:${emulator.port}`,
      startSpread: "0",
      telemetryEvery: "2",
      exitAfter: "5",
    };
    writePreferences(state, { berth: { ...settingsHere, ...given }, "berth-id": emulator.identity });
    return await runHeadless(program, app, state, timeout);
  } finally {
    emulator.stop();
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).then(
    (status) => {
      process.exitCode = status;
    },
    (error) => {
      console.error(`error: ${error.message}`);
      if (error instanceof UsageError) console.error(`\n${usage()}`);
      process.exitCode = 64;
    },
  );
}
