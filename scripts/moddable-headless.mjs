// SPDX-License-Identifier: MIT
/** Runs the firmware on the SDK's Linux target without a display, in a directory that stands for its flash. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { forwardSignals } from "./moddable-children.mjs";

/** The limits of NVS on ESP32. */
const LONGEST_VALUE = 4000;

/** By domain, what the device itself keeps there: its assignment (`SLOT_KEYS` of src/storage) and the diary's entry. */
const DEVICES_OWN = Object.freeze({ berth: ["assignment0", "assignment1", "assignment2", "lastError"] });

/**
 * Compiles hosts/moddable/headless/headless.c unless that is done. The interface of what mcconfig builds, screen.h,
 * comes from the SDK on this computer.
 * @param {string} project
 * @param {import("./moddable-sdk.mjs").Sdk} sdk
 * @returns {string} the program
 */
export function headlessRunner(project, sdk) {
  const source = join(project, "hosts", "moddable", "headless", "headless.c");
  const includes = join(sdk.moddable, "build", "simulators", "modules");
  const program = join(project, "build", "moddable", "berth-headless");
  const newest = Math.max(...[source, join(includes, "screen.h")].map((file) => statSync(file).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(dirname(program), { recursive: true });
  const flags = (/** @type {string} */ kind) =>
    execFileSync("pkg-config", [kind, "glib-2.0"], { encoding: "utf8" }).trim().split(/\s+/);
  execFileSync(
    "cc",
    [
      ...["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-Wall", "-Wextra", "-DmxLinux=1", `-I${includes}`],
      ...flags("--cflags"),
      ...[source, "-o", program],
      ...flags("--libs"),
      "-ldl",
    ],
    { stdio: "inherit" },
  );
  return program;
}

/**
 * Writes values into the file that stands for NVS: `preference` of the SDK on Linux. A domain that is named gets these
 * values only, so that no key of an earlier run stays beside another identity; what the device keeps stays.
 * @param {string} directory
 * @param {Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>} domains
 */
export function writePreferences(directory, domains) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "modpreferences.json");
  /** @type {Record<string, Record<string, unknown>>} */
  const all = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  for (const [domain, values] of Object.entries(domains)) {
    const own = /** @type {Record<string, readonly string[]>} */ (DEVICES_OWN)[domain] ?? [];
    const kept = Object.entries(all[domain] ?? {}).filter(([key]) => own.includes(key));
    const written = Object.entries(values).map(([key, value]) => {
      if (key.length > 15 || value.length > LONGEST_VALUE) {
        throw new Error(`${domain}/${key} would not fit NVS: 15 characters, ${LONGEST_VALUE} bytes`);
      }
      return [key, typeof value === "string" ? value : { buffer: [...value].join(",") }];
    });
    all[domain] = Object.fromEntries([...kept, ...written]);
  }
  writeFileSync(file, JSON.stringify(all), { mode: 0o600 });
}

/**
 * Runs an app.
 * @param {string} program the runner
 * @param {string} app mc.so
 * @param {string} directory its flash
 * @param {number} timeout seconds; 0: none
 * @returns {Promise<number>} exit status; 128 and the number of the signal that ended it
 */
export function runHeadless(program, app, directory, timeout) {
  return new Promise((done) => {
    const child = spawn(program, ["--timeout", String(timeout), "--directory", directory, app], {
      stdio: "inherit",
    });
    forwardSignals(child);
    child.on("error", (error) => {
      console.error(`error: ${error.message}`);
      done(1);
    });
    child.on("close", (status, signal) => done(status ?? (signal ? 128 + constants.signals[signal] : 1)));
  });
}
