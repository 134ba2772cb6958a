// SPDX-License-Identifier: MIT
/** Builds the app of app/ by the SDK's mcconfig for Linux, and what is preloaded to count the C heap. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../hosts/xs/modules";
import { isFatalWarning } from "../../hosts/moddable/scripts/build";
import type { Sdk } from "../../hosts/moddable/scripts/sdk";

const HERE = join(ROOT, "bench", "handshake");
const BUILD = join(ROOT, "build", "bench");

/** @returns mc.so @throws Error with what mcconfig says */
export async function buildApp(sdk: Sdk): Promise<string> {
  // mcconfig goes by the time of files alone, which is not enough.
  rmSync(BUILD, { recursive: true, force: true });
  mkdirSync(BUILD, { recursive: true });
  const path = [sdk.tools, join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const { stdout, stderr } = await promisify(execFile)(
    join(sdk.tools, "mcconfig"),
    ["-m", "-p", sdk.simulator, "-t", "build", "-o", BUILD, join(HERE, "app", "manifest.json")],
    { cwd: join(HERE, "app"), env: { ...process.env, PATH: path }, maxBuffer: 16 * 1024 * 1024 },
  );
  const fatal = `${stdout}\n${stderr}`.split("\n").filter(isFatalWarning);
  if (fatal.length > 0) throw new Error(fatal.join("\n"));
  return join(BUILD, "bin", sdk.simulator, "mc", "release", "app", "mc.so");
}

/** @returns the library for LD_PRELOAD */
export async function buildHeapWatch(): Promise<string> {
  const library = join(BUILD, "heap_watch.so");
  const source = join(HERE, "heap_watch.c");
  await promisify(execFile)("cc", [
    "-std=c11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-shared",
    "-fPIC",
    "-o",
    library,
    source,
  ]);
  return library;
}
