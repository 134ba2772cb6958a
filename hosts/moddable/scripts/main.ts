// SPDX-License-Identifier: MIT
/**
 * The firmware on the Moddable SDK:
 *
 *   npm run build:BOARD, build:sim -- [--debug|--release] [--platform esp32/...] [key=value ...]
 *   npm run flash -- BOARD [the same]
 *   npm run sim -- [--debug|--release] [--app DIR] [--identity FILE.json] [--state DIR] [--timeout SECONDS] [key=value ...]
 *   npm run test:moddable -- [--debug|--release] [--seed N] [--timeout SECONDS]
 *   npm run sim:qemu -- [--debug|--release] [--app DIR] [--identity FILE.json] [--telemetry N] [--efuse] [--cut N] [--seed S]
 *     [--drop N] [--measure MINUTES] [--bad-input] [--timeout SECONDS] [key=value ...]
 *
 * BOARD: esp32, esp32s2, esp32s3, esp32c3, esp32c6, or qemu for the emulated ESP32-C3 of sim:qemu. `key=value` of build and
 * flash goes into the image (ssid= and password= as in the SDK's examples), of sim into the simulated flash. test runs the
 * cases of test/on-device, in the order of a seed. Without
 * --identity sim starts an emulator. --app runs another app than the firmware, any folder with a manifest.json that includes
 * one of Berth's; it ends by screen.postMessage("exit N"), or with --timeout.
 * sim:qemu runs the image of an ESP32-C3 in QEMU: two starts of N messages each (default 3). --efuse puts the key into eFuse;
 * --drop closes the first connection to the hub after N messages; --cut takes the power away N times, at moments that the
 * seed chooses; --measure tells sizes, memory and work on flash; --bad-input tries flash and networks that are wrong.
 * --app test/on-device runs the cases there.
 * The default mode has the SDK's instruments (-i) for sim and none (release) for a board.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SETTINGS } from "../../../firmware/settings";
import { optionsNpmKept } from "../../../scripts/npm-options";
import { APPS, BOARDS, build, manifestOf } from "./build";
import { bundleApp } from "./bundle";
import { startEmulator } from "./emulator";
import { headlessRunner, runHeadless, writePreferences } from "./headless";
import { readIdentity } from "./identity";
import { tryBadInput } from "./qemu/bad-input";
import { findGdb, measureChip } from "./qemu/measure";
import { elfOf, overlayOf, QEMU_PLATFORM } from "./qemu/overlay";
import { findQemu } from "./qemu/qemu";
import { simulateChip } from "./qemu/simulate";
import { findSdk, type Sdk, thisComputer } from "./sdk";
import { PLATFORM_SETTINGS } from "../settings";
import { checkedSettings } from "./settings";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

export interface Arguments {
  readonly action: "build" | "flash" | "sim" | "test" | "qemu";
  /** "sim", "qemu" or a board */
  readonly target: string;
  /** By name, without dashes */
  readonly options: Readonly<Record<string, string>>;
  /** `key=value` */
  readonly settings: readonly string[];
}

/** Options by action, and whether they take a value. */
const BUILDING = { debug: false, release: false, platform: true };
const OPTIONS = Object.freeze({
  build: BUILDING,
  flash: BUILDING,
  sim: { debug: false, release: false, app: true, identity: true, state: true, timeout: true },
  test: { debug: false, release: false, seed: true, timeout: true },
  qemu: {
    ...{ debug: false, release: false, app: true, identity: true, efuse: false, "bad-input": false },
    ...{ telemetry: true, cut: true, seed: true, drop: true, measure: true, timeout: true },
  },
});

/** Options that are numbers, and their unit. */
const NUMBERS: readonly [name: string, unit: string][] = [
  ["timeout", " of seconds"],
  ["telemetry", " of messages"],
  ["cut", " of power cuts"],
  ["seed", ""],
  ["drop", " of messages"],
  ["measure", " of minutes"],
];

function isAction(word: string | undefined): word is keyof typeof OPTIONS {
  return word !== undefined && Object.hasOwn(OPTIONS, word);
}

/** The command line is wrong; the usage helps. */
export class UsageError extends Error {}

/** The head of this file. */
function usage() {
  const [, head = ""] =
    /\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(fileURLToPath(import.meta.url), "utf8")) ?? [];
  return head.replace(/^ \* ?/gm, "");
}

/** @throws UsageError that says what is wrong */
export function parseArguments(words: readonly string[]): Arguments {
  const [action, ...rest] = words;
  if (!isAction(action)) {
    throw new UsageError(
      `say build, flash, sim, test or qemu${action === undefined ? "" : `, not "${action}"`}`,
    );
  }
  const known: Record<string, boolean> = OPTIONS[action];
  const options: Record<string, string> = {};
  const settings: string[] = [];
  const targets: string[] = [];
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
  for (const [name, unit] of NUMBERS) {
    const value = options[name];
    if (value !== undefined && !/^\d{1,6}$/.test(value))
      throw new UsageError(`--${name} is a whole number${unit}, not "${value}"`);
  }
  const runs = action === "sim" || action === "test" || action === "qemu";
  if (runs && targets.length > 0) {
    throw new UsageError(`${action} does not know "${targets.join(" ")}"`);
  }
  if (runs) return { action, target: action === "qemu" ? "qemu" : "sim", options, settings };
  const [target, ...others] = targets;
  const all = [...Object.keys(BOARDS), ...(action === "flash" ? [] : ["sim", "qemu"])];
  if (target === undefined || others.length > 0 || !all.includes(target)) {
    throw new UsageError(`${action} takes one of ${all.join(", ")}, not "${targets.join(" ")}"`);
  }
  return { action, target, options, settings };
}

function modeOf({ target, options }: Arguments) {
  if (options.debug) return "debug";
  return target === "sim" && !options.release ? "instrument" : "release";
}

async function main(words: readonly string[]): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) {
    console.log(usage());
    return 0;
  }
  const ours = (OPTIONS as Record<string, Record<string, boolean>>)[words[0] ?? ""] ?? {};
  const kept = optionsNpmKept(ours, words, process.env);
  if (kept !== undefined) throw new UsageError(kept);
  const parsed = parseArguments(words);
  const { action, target, options, settings } = parsed;
  const runs = action === "sim" || action === "test" || action === "qemu";
  // What was typed is judged before anything is looked for or built.
  const app = options.app === undefined ? undefined : appIn(options.app);
  const known = app === undefined ? SETTINGS : PLATFORM_SETTINGS;
  const given = settings.length === 0 ? {} : checkedSettings(settings, !runs, known);
  const identity = options.identity === undefined ? undefined : readIdentity(options.identity);
  const simulator = target === "sim";
  const here = thisComputer(PROJECT);
  const { sdk, problems } = findSdk(simulator ? "simulator" : "esp32", here);
  const qemu = action === "qemu" ? findQemu(here) : undefined;
  const gdb = options.measure === undefined ? undefined : findGdb(here);
  if (!sdk || qemu?.problem !== undefined || gdb?.problem !== undefined) {
    for (const problem of [...problems, qemu?.problem ?? [], gdb?.problem ?? []].flat())
      console.error(`missing: ${problem}`);
    return 69;
  }
  if (simulator && runs && sdk.simulator !== "lin") {
    console.error(
      "missing: the runner without a display is for Linux; here build with `npm run build:sim` and open the result in the SDK's simulator",
    );
    return 69;
  }
  const platform = simulator
    ? sdk.simulator
    : target === "qemu"
      ? QEMU_PLATFORM
      : (options.platform ?? (BOARDS as Record<string, string>)[target] ?? target);
  const chosen = app ?? (action === "test" ? APPS.cases : APPS.firmware);
  const mode = modeOf(parsed);
  const manifest =
    chosen === APPS.firmware && mode === "release"
      ? await bundleApp(
          PROJECT,
          manifestOf(PROJECT, chosen),
          platform.replace(/\/.*/, ""),
          join(PROJECT, "build", "moddable", "bundle", platform.replaceAll("/", "-"), basename(chosen)),
        )
      : undefined;
  console.log(`Moddable SDK ${sdk.version}, platform ${platform}`);
  if (!runs && given.password) {
    console.log("note: the password becomes part of the image; do not pass the image on");
  }
  const built = await build({
    project: PROJECT,
    sdk,
    app: target === "qemu" ? overlayOf(PROJECT, chosen, manifest) : chosen,
    platform,
    target: action === "flash" ? "deploy" : "build",
    mode,
    manifest,
    settings: runs ? [] : settings,
  });
  if (built.status !== 0 || !runs) return built.status;
  if (qemu?.program !== undefined) {
    const simulation = {
      program: qemu.program,
      output: built.output,
      directory: join(PROJECT, ".berth", `qemu-${basename(chosen)}`),
      settings: given,
      efuse: options.efuse !== undefined,
      telemetry: Number(options.telemetry ?? 3),
      timeout: Number(options.timeout ?? 120) * 1000,
      print: console.log,
    };
    if (gdb) {
      return measureChip({
        ...simulation,
        minutes: Number(options.measure),
        gdb: gdb.program,
        elf: elfOf(built.output),
      });
    }
    if (options["bad-input"] !== undefined) return tryBadInput(simulation);
    return simulateChip({
      ...simulation,
      identity,
      cuts: Number(options.cut ?? 0),
      drop: options.drop === undefined ? undefined : Number(options.drop),
      seed: Number(options.seed ?? Date.now() % 1_000_000),
    });
  }
  const library = join(built.output, "mc.so");
  return action === "test"
    ? runCases(sdk, library, parsed)
    : simulate(sdk, library, app, parsed, given, identity);
}

/** @throws UsageError when there is no app */
function appIn(directory: string) {
  const app = resolve(directory);
  if (!existsSync(join(app, "manifest.json")))
    throw new UsageError(`--app: there is no manifest.json in ${directory}`);
  return app;
}

async function runCases(sdk: Sdk, app: string, { options }: Arguments) {
  const flash = mkdtempSync(join(tmpdir(), "berth-"));
  try {
    if (options.seed !== undefined) writePreferences(flash, { "berth-cases": { seed: options.seed } });
    return await runHeadless(headlessRunner(PROJECT, sdk), app, flash, Number(options.timeout ?? 120));
  } finally {
    rmSync(flash, { recursive: true, force: true });
  }
}

/**
 * @param library what was built
 * @param app outside the project; else it is the firmware
 * @param given settings
 * @param identity of the option
 */
async function simulate(
  sdk: Sdk,
  library: string,
  app: string | undefined,
  { options }: Arguments,
  given: Readonly<Record<string, string>>,
  identity: Readonly<Record<string, string | Uint8Array>> | undefined,
) {
  const program = headlessRunner(PROJECT, sdk);
  const state = resolve(
    options.state ?? join(PROJECT, ".berth", app === undefined ? "sim" : `sim-${basename(app)}`),
  );
  const timeout = Number(options.timeout ?? 0);
  if (identity !== undefined) {
    writePreferences(state, { berth: given, "berth-id": identity });
    return runHeadless(program, library, state, timeout);
  }
  const emulator = await startEmulator(PROJECT, state);
  try {
    const settingsHere = {
      connectTo: `:443:127.0.0.1:${emulator.httpsPort},:127.0.0.1:${emulator.port}`,
      ...(app === undefined && { startSpread: "0", telemetryEvery: "2", exitAfter: "5" }),
    };
    writePreferences(state, { berth: { ...settingsHere, ...given }, "berth-id": emulator.identity });
    return await runHeadless(program, library, state, timeout);
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
