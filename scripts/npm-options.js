// SPDX-License-Identifier: MIT
/** `npm start --x509`: npm keeps what stands before a `--`, and tells the program of it in the environment only. */

/** Settings of npm's own that stand in a .npmrc: no sign of a command line. */
const OF_NPM = new Set(["ca", "cert", "key", "force"]);

/**
 * What to write instead, where npm has kept options of the program.
 * @param {readonly string[]} names of the program's options, without dashes
 * @param {readonly string[]} words that the program got
 * @param {Readonly<Record<string, string | undefined>>} environment of the process
 * @returns {string | undefined}
 */
export function optionsNpmKept(names, words, environment) {
  const { npm_lifecycle_event: script, npm_command: command, npm_config_engine_strict: strict } = environment;
  if (script === undefined) return undefined;
  const kept = names.flatMap((name) => {
    if (OF_NPM.has(name)) return [];
    const off = name.startsWith("no-");
    const value = environment[`npm_config_${(off ? name.slice(3) : name).replaceAll("-", "_")}`];
    if (value === undefined || off !== (value === "")) return [];
    return [value === "" || value === "true" ? `--${name}` : `--${name} ${value}`];
  });
  // npm takes it for the beginning of its own --engine-strict, and leaves the value.
  const engine = words.find((word) => ["node", "xs", "native"].includes(word));
  if (strict !== undefined && engine !== undefined && names.includes("engine"))
    kept.push(`--engine ${engine}`);
  if (kept.length === 0) return undefined;
  const run = command === "start" ? "npm start" : `npm run ${script}`;
  return `npm has kept ${kept.join(" ")} to itself; what is for the program stands behind a --: ${run} -- ${kept.join(" ")}`;
}

/**
 * The same for a program with one command.
 * @param {import("commander").Command} program ends it with status 1
 */
export function refuseWhatNpmKept(program) {
  const names = program.options.flatMap(({ long }) => (long ? [long.slice(2)] : []));
  const kept = optionsNpmKept(names, process.argv.slice(2), process.env);
  if (kept !== undefined) program.error(`error: ${kept}`);
}
