// SPDX-License-Identifier: MIT
/** `npm start --x509`: npm keeps what stands before a `--`, and tells the program of it in the environment only. */

import type { Command } from "commander";

/** Settings of npm's own that stand in a .npmrc: no sign of a command line. */
const OF_NPM = new Set(["ca", "cert", "key", "force"]);

/**
 * What to write instead, where npm has kept options of the program.
 * @param options of the program, by name without dashes: does it take a value?
 * @param words that the program got
 * @param environment of the process
 * @param commands that stand in front of the options
 */
export function optionsNpmKept(
  options: Readonly<Record<string, boolean>>,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  commands: readonly string[] = [],
): string | undefined {
  const { npm_lifecycle_event: script, npm_command: command, npm_config_engine_strict: strict } = environment;
  if (script === undefined) return undefined;
  const kept = Object.entries(options).flatMap(([name, takesValue]) => {
    if (OF_NPM.has(name)) return [];
    const off = name.startsWith("no-");
    const value = environment[`npm_config_${(off ? name.slice(3) : name).replaceAll("-", "_")}`];
    if (value === undefined || off !== (value === "")) return [];
    // npm takes the option for a switch, and its value for a word of the program.
    return [takesValue ? `--${name} ${value === "true" ? "VALUE" : value}` : `--${name}`];
  });
  // npm takes it for the beginning of its own --engine-strict.
  const engine = words.find((word) => ["node", "native"].includes(word));
  if (strict !== undefined && engine !== undefined && "engine" in options) kept.push(`--engine ${engine}`);
  if (kept.length === 0) return undefined;
  const started = command === "start";
  const right = [started ? "npm start --" : `npm run ${script} --`, ...(started ? [] : commands), ...kept];
  return `npm has kept ${kept.join(" ")} to itself; what is for the program stands behind a --: ${right.join(" ")}`;
}

/** The options of a command, as `optionsNpmKept` takes them. */
export function optionsOf({ options }: Command) {
  return Object.fromEntries(
    options.flatMap(({ long, required, optional }) => (long ? [[long.slice(2), required || optional]] : [])),
  );
}

/**
 * `optionsNpmKept` for a program with one command.
 * @param program ends with status 1
 */
export function refuseWhatNpmKept(program: Command) {
  const kept = optionsNpmKept(optionsOf(program), process.argv.slice(2), process.env);
  if (kept !== undefined) program.error(`error: ${kept}`);
}
