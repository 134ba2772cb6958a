// SPDX-License-Identifier: MIT
/** Runs the firmware on the SDK's Linux target without a display, in a directory that stands for its flash. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { makeDirectory } from "../../node/durable-file";
import { LONGEST_STORE_KEY, LONGEST_STORE_VALUE } from "../../../src/host";
import { SLOT_KEYS } from "../../../src/storage/assignment-store";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { spawnChild } from "./children";
import { Peaks } from "./figures";
import type { Sdk } from "./sdk";

/** By domain, what the device itself keeps there: its assignment and the diary's entry. */
const DEVICES_OWN: Readonly<Record<string, readonly string[]>> = Object.freeze({
  berth: [...SLOT_KEYS, "lastError"],
});

/**
 * Compiles hosts/moddable/headless/headless.c unless that is done. The interface of what mcconfig builds, screen.h,
 * comes from the SDK on this computer.
 * @returns the program
 */
export function headlessRunner(project: string, sdk: Sdk): string {
  const source = join(project, "hosts", "moddable", "headless", "headless.c");
  const includes = join(sdk.moddable, "build", "simulators", "modules");
  const program = join(project, "build", "moddable", "berth-headless");
  const newest = Math.max(...[source, join(includes, "screen.h")].map((file) => statSync(file).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(dirname(program), { recursive: true });
  const flags = (kind: string) =>
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
 */
export function writePreferences(
  directory: string,
  domains: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>,
) {
  makeDirectory(directory);
  const file = join(directory, "modpreferences.json");
  const all: Record<string, Record<string, unknown>> = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : {};
  for (const [domain, values] of Object.entries(domains)) {
    const own = DEVICES_OWN[domain] ?? [];
    const kept = Object.entries(all[domain] ?? {}).filter(([key]) => own.includes(key));
    const written = Object.entries(values).map(([key, value]) => {
      if (key.length > LONGEST_STORE_KEY || value.length > LONGEST_STORE_VALUE) {
        throw new Error(
          `${domain}/${key} would not fit NVS: ${LONGEST_STORE_KEY} characters, ${LONGEST_STORE_VALUE} bytes`,
        );
      }
      return [key, typeof value === "string" ? value : { buffer: [...value].join(",") }];
    });
    all[domain] = Object.fromEntries([...kept, ...written]);
  }
  writeFileSync(file, JSON.stringify(all), { mode: 0o600 });
}

/**
 * Runs an app; at its end a line says the most that its instruments have shown.
 * @param program the runner
 * @param app mc.so
 * @param directory its flash
 * @param timeout seconds; 0: none
 * @returns exit status; 128 and the number of the signal that ended it
 */
export function runHeadless(
  program: string,
  app: string,
  directory: string,
  timeout: number,
): Promise<number> {
  return new Promise((done) => {
    const child = spawnChild(program, ["--timeout", String(timeout), "--directory", directory, app], {
      stdio: ["inherit", "pipe", "inherit"],
    });
    const peaks = new Peaks();
    createInterface({ input: child.stdout as Readable }).on("line", (line) => {
      console.log(line);
      peaks.take(line);
    });
    child.on("error", (error) => {
      console.error(`error: ${error.message}`);
      done(1);
    });
    child.on("close", (status, signal) => {
      if (peaks.text !== undefined) console.log(peaks.text);
      done(status ?? (signal ? 128 + constants.signals[signal] : 1));
    });
  });
}
