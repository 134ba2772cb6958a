#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Builds berth-native: XS from the sources in npm's @agoric/xsnap, TLS and HMAC of hosts/native on mbedTLS, and the
 * device's TypeScript in one file.
 *
 *   node scripts/build-native.js [--sanitize]
 *
 * Into build/native/release, with --sanitize into build/native/sanitized; with another mbedTLS than the system's, its
 * prefix in the environment's MBEDTLS, into build/native-PREFIX. About 30 s the first time, 1 s when nothing has
 * changed. Exit status 69 with one line on standard error when something that it needs is not installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { findMbedtls, MBEDTLS_MISSING } from "./mbedtls.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(ROOT, "hosts", "native");
const XSNAP = join(ROOT, "node_modules", "@agoric", "xsnap");
const UNAVAILABLE = 69;
/** A build that holds its lock longer has died, milliseconds. */
const STALE = 600_000;

/** The native host cannot be built here; the message says what to install, in one line. */
export class NativeUnavailable extends Error {}

/**
 * Where the programs are.
 * @typedef {object} NativeBuild
 * @property {string} directory
 * @property {string} host berth-native
 * @property {string} probe tls_probe
 * @property {string} fuzz tls_fuzz
 * @property {readonly string[]} checks tests in C
 */

/**
 * Builds what is missing or older than its sources. Processes that ask at the same time take turns.
 * @param {{ sanitize?: boolean, log?: (line: string) => void }} [options]
 * @returns {Promise<NativeBuild>}
 * @throws {NativeUnavailable}
 */
export async function buildNative({ sanitize = false, log = () => {} } = {}) {
  checkTools();
  const other = (process.env.MBEDTLS ?? "").replaceAll(/[^\w.]+/g, "-");
  const directory = join(ROOT, "build", `native${other}`, sanitize ? "sanitized" : "release");
  mkdirSync(directory, { recursive: true });
  const lock = `${directory}.lock`;
  while (!takeLock(lock)) await sleep(200);
  try {
    make(directory, sanitize, log);
    await bundle(join(directory, "device.js"));
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return {
    directory,
    host: join(directory, "berth-native"),
    probe: join(directory, "tls_probe"),
    fuzz: join(directory, "tls_fuzz"),
    checks: [join(directory, "tls_check"), join(directory, "tls_check_efuse")],
  };
}

/** @param {string} lock */
function takeLock(lock) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  }
  const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  if (Date.now() - made > STALE) rmSync(lock, { recursive: true, force: true });
  return false;
}

/** @param {string} directory @param {boolean} sanitize @param {(line: string) => void} log */
function make(directory, sanitize, log) {
  // Relative: make cannot take a path with a blank, and the project may lie below one.
  const from = (/** @type {string} */ path) => relative(SOURCES, path);
  const made = spawnSync(
    "make",
    ["-j2", `XSNAP=${from(XSNAP)}`, `BUILD=${from(directory)}`, `SANITIZE=${sanitize ? 1 : 0}`],
    { cwd: SOURCES, encoding: "utf8" },
  );
  for (const line of made.stdout.split("\n")) if (line !== "") log(line);
  if (made.status !== 0) throw new Error(`make failed:\n${made.stderr}`);
}

/** @param {string} outfile written only when it changes: another process may be reading it */
async function bundle(outfile) {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCES, "linux", "main.ts")],
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "silent",
    legalComments: "none",
  });
  const text = outputFiles[0]?.text ?? "";
  if (!existsSync(outfile) || readFileSync(outfile, "utf8") !== text) writeFileSync(outfile, text);
}

function checkTools() {
  if (process.platform !== "linux") {
    throw new NativeUnavailable(`no native host: it builds on Linux only, this is ${process.platform}`);
  }
  if (!existsSync(join(XSNAP, "package.json"))) {
    throw new NativeUnavailable(
      "no native host: @agoric/xsnap is not installed; run `npm ci` without --omit=optional",
    );
  }
  for (const tool of ["make", "cc"]) {
    if (spawnSync(tool, ["--version"]).status !== 0) {
      throw new NativeUnavailable(
        `no native host: ${tool} is not installed; on Debian: apt-get install build-essential`,
      );
    }
  }
  if (findMbedtls() === undefined) throw new NativeUnavailable(`no native host: ${MBEDTLS_MISSING}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  try {
    const { host } = await buildNative({ sanitize: process.argv.includes("--sanitize"), log: console.error });
    console.log(relative(process.cwd(), host));
  } catch (error) {
    if (!(error instanceof NativeUnavailable)) throw error;
    console.error(error.message);
    process.exitCode = UNAVAILABLE;
  }
}
