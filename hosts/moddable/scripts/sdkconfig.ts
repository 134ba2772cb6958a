// SPDX-License-Identifier: MIT
/**
 * Settings of ESP-IDF for a board that has its own in the SDK, flash size or PSRAM for example: mcconfig takes one folder
 * of them, the board's, and drops the app's without a word. Here the two become one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The files that mcconfig looks for, in its order: always, without debugger, with instruments. */
const [ALWAYS, ...SOMETIMES] = ["sdkconfig.defaults", "sdkconfig.defaults.release", "sdkconfig.inst"];

/**
 * The folder that mcconfig took.
 * @param makefile its text
 */
export function sdkconfigOf(makefile: string): string | undefined {
  return /^SDKCONFIGPATH = (.*)$/m.exec(makefile)?.[1]?.trim().replaceAll("\\ ", " ");
}

/**
 * Writes the board's settings and the app's into `target`. Where both have one the app's holds, in every kind of build.
 * @param board folder
 * @param app folder
 * @param target folder
 */
export function mergeSdkconfig(board: string, app: string, target: string) {
  mkdirSync(target, { recursive: true });
  const ours = read(join(app, ALWAYS));
  writeFileSync(join(target, ALWAYS), `${read(join(board, ALWAYS))}\n${ours}`);
  for (const name of SOMETIMES) {
    // What the board sets here comes behind all of the above.
    const theirs = read(join(board, name));
    writeFileSync(join(target, name), `${theirs}\n${theirs === "" ? "" : ours}\n${read(join(app, name))}`);
  }
}

/**
 * Settings of the app that are not in what mcconfig made of all.
 * @param app folder
 * @param merged text of sdkconfig.mc
 * @returns lines
 */
export function settingsNotIn(app: string, merged: string): string[] {
  const found = settings(merged);
  // mcconfig writes no value for n.
  const without = (value: string | undefined) => (value === "n" ? "" : (value ?? ""));
  return [...settings(read(join(app, ALWAYS)))]
    .filter(([name, value]) => without(found.get(name)) !== without(value))
    .map(([name, value]) => `${name}=${value}`);
}

function settings(text: string): Map<string, string> {
  const lines = text.split(/[\r\n]+/).filter((line) => /^CONFIG_\w+=/.test(line));
  return new Map(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]));
}

function read(file: string) {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
