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
/** The same for dist/page/. */
export const PAGE_INPUTS = new URL("dist/page/inputs.json", ROOT);
const BUILDER = new URL("build-dist.ts", import.meta.url);
const PAGE_BUILDER = new URL("build-page.ts", import.meta.url);

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
  return isFresh(INPUTS);
}

/**
 * @param {URL} file with the states of what was built from
 * @returns {boolean} true when they are as they were
 */
export function isFresh(file) {
  if (!existsSync(file)) return false;
  try {
    /** @type {Record<string, string>} */
    const inputs = JSON.parse(readFileSync(file, "utf8"));
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
  return refresh(INPUTS, BUILDER, "dist/");
}

/**
 * The same for the page, which takes a few seconds when it is asked for the first time.
 * @returns {boolean}
 */
export function refreshPage() {
  // The package has no scripts, and the page built.
  return !existsSync(PAGE_BUILDER) || refresh(PAGE_INPUTS, PAGE_BUILDER, "dist/page/");
}

/**
 * @param {URL} inputs
 * @param {URL} builder
 * @param {string} what
 * @returns {boolean}
 */
function refresh(inputs, builder, what) {
  if (isFresh(inputs)) return true;
  if (!existsSync(new URL("node_modules/tsx", ROOT)) || !existsSync(new URL("node_modules/esbuild", ROOT))) {
    console.error("berth: this checkout is not installed; run `npm ci` in it, without --omit=dev");
    return false;
  }
  const { status } = spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(builder)], {
    cwd: fileURLToPath(ROOT),
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) console.error(`berth: ${what} cannot be built from these sources`);
  return status === 0;
}
