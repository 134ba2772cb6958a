// SPDX-License-Identifier: MIT
/**
 * What the firmware takes of a device's flash: each module compiled by the SDK's xsc, and what its xsl lays out in ROM of
 * those that are preloaded. Nothing is compiled in C, so no toolchain of a board is needed.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { promisify } from "node:util";
import { isFatalWarning } from "../hosts/moddable/scripts/build";
import { findSdk, thisComputer } from "../hosts/moddable/scripts/sdk";
import { ROOT } from "../hosts/xs/modules";

/** By the first that its name matches. All but "core" and "host" an app may leave out. */
const FEATURES: readonly (readonly [name: string, modules: RegExp])[] = Object.freeze([
  ["direct methods", /^src\/azure\/hub\/direct-methods$/],
  ["twin", /^src\/azure\/hub\/twin(-patch)?$/],
  ["plug and play", /^src\/azure\/hub\/plug-and-play$/],
  ["what these three share", /^src\/(azure\/hub\/failure|device)$/],
  ["outbox in flash", /^(outbox|src\/flash-log|src\/outbox\/)/],
  ["transports", /^(transports|src\/transports|src\/mqtt\/(websocket|sha1))$/],
  ["proxy", /^(proxy|hosts\/sockets\/(http-connect|proxied-tcp))$/],
  ["firmware", /^firmware\/|^hosts\/moddable\/(diary|indicator|long-press|watchdog)$/],
  ["core", /^src\//],
  ["host", /^/],
]);
/** Has them all; the firmware includes less. */
const FULL_MANIFEST = "manifest.json";

export interface ModuleSize {
  /** As in a manifest, without "berth/". */
  readonly name: string;
  readonly feature: string;
  /** Of the compiled module: code, and names that are shared with other modules once it is linked. */
  readonly bytes: number;
  readonly code: number;
}

export interface ImageFigures {
  /** The largest first. */
  readonly modules: readonly ModuleSize[];
  /** Slots in ROM that preloading our modules adds: of the firmware, and of the features that it does not use. */
  readonly slots: { readonly firmware: number; readonly features: number };
}

/** @throws Error with what a tool of the SDK says */
export async function imageFigures(): Promise<ImageFigures> {
  const { sdk, problems } = findSdk("simulator", thisComputer(ROOT));
  if (!sdk) throw new Error(problems.join("; "));
  const build = join(ROOT, "build", "bench");
  mkdirSync(build, { recursive: true });
  const directory = mkdtempSync(join(build, "image-"));
  const path = [sdk.tools, join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, MODDABLE: sdk.moddable, PATH: path };
  const run = async (command: string, ...parameters: string[]): Promise<string> => {
    const options = { cwd: directory, env, maxBuffer: 16 * 1024 * 1024 };
    const { stdout, stderr } = await promisify(execFile)(command, parameters, options);
    return `${stdout}\n${stderr}`;
  };
  try {
    const manifest = join(directory, "manifest.json");
    const include = ["firmware/manifest.json", FULL_MANIFEST].map((file) =>
      relative(directory, join(ROOT, file)),
    );
    writeFileSync(manifest, JSON.stringify({ include }));
    const said = await run("mcconfig", "-p", sdk.simulator, "-t", "build", "-o", directory, manifest);
    const [makefile = ""] = below(directory, "makefile");
    const image = join(makefile, "..", "mc.xs.c");
    const fatal = `${said}\n${await run("make", "-f", makefile, image)}`.split("\n").filter(isFatalWarning);
    if (fatal.length > 0) throw new Error(fatal.join("\n"));
    const all = slotsIn(image);
    const withoutPreload = async (of: string): Promise<number> => {
      const line = new RegExp(`^\\s*-p ${of}.*\\n`, "gm");
      writeFileSync(makefile, readFileSync(makefile, "utf8").replace(line, ""));
      rmSync(image);
      await run("make", "-f", makefile, image);
      return slotsIn(image);
    };
    const { preload } = JSON.parse(readFileSync(join(ROOT, FULL_MANIFEST), "utf8")) as { preload: string[] };
    const firmware = await withoutPreload(`(${preload.join("|")})\\.xsb`);
    const slots = { firmware: firmware - (await withoutPreload("berth/")), features: all - firmware };
    return { modules: modulesIn(join(makefile, "..", "modules")), slots };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What xsl has laid out. */
function slotsIn(image: string): number {
  const count = /#define mxHeapCount (\d+)/.exec(readFileSync(image, "utf8"))?.[1];
  if (count === undefined) throw new Error(`${image} has no mxHeapCount`);
  return Number(count);
}

function modulesIn(directory: string): ModuleSize[] {
  return below(join(directory, "berth"), ".xsb")
    .map((file) => {
      const name = relative(join(directory, "berth"), file).replace(/\.xsb$/, "");
      const feature = FEATURES.find(([, modules]) => modules.test(name))?.[0] as string;
      const xsb = readFileSync(file);
      return { name, feature, bytes: xsb.length, code: codeIn(xsb) };
    })
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

/** Paths of the files whose names end so. */
function below(directory: string, end: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(end))
    .map((file) => join(directory, file));
}

/** An .xsb is atoms in an atom: four bytes of length, itself included, and four of type (xs/tools/xsc.c). */
function codeIn(xsb: Buffer): number {
  for (let at = 8; at + 8 <= xsb.length; at += xsb.readUInt32BE(at)) {
    if (xsb.toString("latin1", at + 4, at + 8) === "CODE") return xsb.readUInt32BE(at) - 8;
  }
  throw new Error("an .xsb without CODE");
}
