// SPDX-License-Identifier: MIT
/**
 * Is `dist/` what the sources say? In JavaScript, since it is asked before there is anything that could read TypeScript.
 * Files are compared by time and size, for equality: an older file, of another branch, is a change as well.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
/** What dist was built from, by name from the project's root; written last. */
export const INPUTS = new URL("dist/inputs.json", ROOT);
const BUILDER = new URL("build-dist.ts", import.meta.url);

/**
 * @param {string} name from the project's root
 * @returns {string} what changes with the file; empty where there is none
 */
export function stateOf(name) {
  const state = statSync(new URL(name, ROOT), { throwIfNoEntry: false });
  return state === undefined ? "" : `${state.mtimeMs} ${state.size}`;
}

/** @returns {boolean} */
export function distIsFresh() {
  if (!existsSync(INPUTS)) return false;
  try {
    /** @type {Record<string, string>} */
    const inputs = JSON.parse(readFileSync(INPUTS, "utf8"));
    return Object.entries(inputs).every(([name, state]) => state !== "" && stateOf(name) === state);
  } catch {
    return false;
  }
}

/**
 * Builds what is not as the sources are: half a second after a change.
 * @returns {boolean} false, after lines on standard error, where it cannot be built; what is old does not run then
 */
export function refreshDist() {
  if (distIsFresh()) return true;
  if (!existsSync(new URL("node_modules/tsx", ROOT)) || !existsSync(new URL("node_modules/esbuild", ROOT))) {
    console.error("berth: this checkout is not installed; run `npm ci` in it, without --omit=dev");
    return false;
  }
  const { status } = spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(BUILDER)], {
    cwd: fileURLToPath(ROOT),
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) console.error("berth: dist/ cannot be built from these sources");
  return status === 0;
}
