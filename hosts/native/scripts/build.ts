// SPDX-License-Identifier: MIT
/**
 * Builds berth-native: XS from the sources in npm's @agoric/xsnap, fetched where it is not installed, TLS and HMAC of hosts/native on mbedTLS, and the
 * device's TypeScript in one file.
 *
 *   npm run build:native [-- --sanitize]
 *
 * Into build/native-VERSION/release, of mbedTLS, with --sanitize into build/native-VERSION/sanitized; with another mbedTLS
 * than the system's, its prefix in the environment's MBEDTLS, a hash of the prefix stands behind the version. About 30 s the first time, 1 s when nothing has
 * changed. Exit status 69 with one line on standard error when something that it needs is not installed.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { withLock } from "../../../scripts/build-lock";
import { findMbedtls, MBEDTLS_MISSING, type Mbedtls } from "./mbedtls";
import { fetchXsnap, installedXsnap } from "./xsnap";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SOURCES = join(ROOT, "hosts", "native");
/** In the npm package, where no sources are to bundle. */
const BUNDLED = join(ROOT, "dist", "native-device.js");
const UNAVAILABLE = 69;

/** The native host cannot be built here; the message says what to install, in one line. */
export class NativeUnavailable extends Error {}

/** Where the programs are. */
export interface NativeBuild {
  readonly directory: string;
  /** berth-native */
  readonly host: string;
  /** tls_probe */
  readonly probe: string;
  /** tls_fuzz */
  readonly fuzz: string;
  /** tls_starve */
  readonly starve: string;
  /** Tests in C. */
  readonly checks: readonly string[];
}

export interface NativeBuildOptions {
  /** berth-native without the tools. */
  readonly only?: "host";
  readonly sanitize?: boolean;
  /** Gets the lines of make. */
  readonly log?: (line: string) => void;
  /** Gets a line when it takes a while, and when it waits for long. */
  readonly notice?: (line: string) => void;
}

/**
 * Builds what is missing or older than its sources. Processes that ask at the same time take turns.
 * @throws NativeUnavailable
 */
export async function buildNative({
  only,
  sanitize = false,
  log = () => {},
  notice = () => {},
}: NativeBuildOptions = {}): Promise<NativeBuild> {
  const { version } = checkTools();
  const name = nativeDirectory(version, process.env.MBEDTLS ?? "");
  const directory = join(ROOT, "build", name, sanitize ? "sanitized" : "release");
  const host = join(directory, "berth-native");
  makeDirectory(directory);
  await withLock(
    `${directory}.lock`,
    async () => {
      const xsnap = installedXsnap(import.meta.url) ?? (await fetched(dirname(directory), notice));
      if (!existsSync(host)) notice("building the native host, once (about 30 s)");
      await make(directory, { xsnap, only, sanitize, log });
      await bundle(join(directory, "device.js"));
    },
    { log: notice },
  );
  return {
    directory,
    host,
    probe: join(directory, "tls_probe"),
    fuzz: join(directory, "tls_fuzz"),
    starve: join(directory, "tls_starve"),
    checks: [join(directory, "tls_check"), join(directory, "tls_check_efuse")],
  };
}

/**
 * Below build/. Each mbedTLS has its own, also after an upgrade in one place: headers of a package are as old as the
 * package, so make would take the objects for newer.
 * @param version of mbedTLS
 * @param prefix where it is installed; empty for the system's
 */
export function nativeDirectory(version: string, prefix: string) {
  const hash = createHash("sha256").update(resolve(prefix)).digest("hex").slice(0, 8);
  return prefix === "" ? `native-${version}` : `native-${version}-${hash}`;
}

/** @throws NativeUnavailable where this user may not write: the package was installed by another, for all */
function makeDirectory(directory: string) {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    if (!["EACCES", "EROFS", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new NativeUnavailable(
      `no native host: ${directory} cannot be made; run it once as the owner of ${ROOT}, or install Berth into a folder of yours`,
    );
  }
}

/** @throws NativeUnavailable where it cannot be fetched */
async function fetched(directory: string, notice: (line: string) => void) {
  try {
    return await fetchXsnap(directory, notice);
  } catch (error) {
    throw new NativeUnavailable(`no native host: ${(error as Error).message}`);
  }
}

interface MakeOptions {
  readonly xsnap: string;
  readonly only?: "host" | undefined;
  readonly sanitize: boolean;
  readonly log: (line: string) => void;
}

async function make(directory: string, { xsnap, only, sanitize, log }: MakeOptions) {
  // Relative: make cannot take a path with a blank, and the project may lie below one.
  const from = (path: string) => relative(SOURCES, path);
  const child = spawn(
    "make",
    [
      `-j${availableParallelism()}`,
      `XSNAP=${from(xsnap)}`,
      `BUILD=${from(directory)}`,
      `SANITIZE=${sanitize ? 1 : 0}`,
      ...(only === "host" ? [`${from(directory)}/berth-native`] : []),
    ],
    { cwd: SOURCES, stdio: ["ignore", "pipe", "pipe"] },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  createInterface(child.stdout).on("line", log);
  const [status, signal] = await once(child, "close");
  if (status !== 0) throw new Error(`make failed${signal ? ` (${signal})` : ""}:\n${errors}`);
}

/** @param outfile written only when it changes, and at once: another process may be reading it */
async function bundle(outfile: string) {
  const text = existsSync(join(SOURCES, "linux", "main.ts"))
    ? await (await import("./bundle")).bundleNativeDevice()
    : readFileSync(BUNDLED, "utf8");
  if (existsSync(outfile) && readFileSync(outfile, "utf8") === text) return;
  writeFileSync(`${outfile}.new`, text);
  renameSync(`${outfile}.new`, outfile);
}

function checkTools(): Mbedtls {
  if (process.platform !== "linux") {
    throw new NativeUnavailable(`no native host: it builds on Linux only, this is ${process.platform}`);
  }
  for (const tool of ["make", "cc"]) {
    if (spawnSync(tool, ["--version"]).status !== 0) {
      throw new NativeUnavailable(
        `no native host: ${tool} is not installed; on Debian: apt-get install build-essential`,
      );
    }
  }
  const mbedtls = findMbedtls();
  if (mbedtls === undefined) throw new NativeUnavailable(`no native host: ${MBEDTLS_MISSING}`);
  return mbedtls;
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
