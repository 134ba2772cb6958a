// SPDX-License-Identifier: MIT
/**
 * Completes package-lock.json with the packages of other platforms. npm leaves an optional package out of the lock when
 * the registry at hand does not offer it, and `npm ci` then refuses the lock. Run it after a change of dependencies.
 *
 * Usage: npx tsx scripts/complete-lockfile.ts [FILE]. A lock that is complete stays as it is.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What this needs of an entry of "packages". */
export type Entry = {
  version?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
};

/** As package.json's "os" and "cpu" spell them, and as the names of packages hold them. */
const SYSTEMS = "aix android darwin freebsd linux netbsd openbsd openharmony sunos win32".split(" ");
const PROCESSORS = "arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x wasm32 x64".split(" ");

/**
 * Adds what is missing to `packages` and returns its names. A name that tells no platform, or a range instead of a
 * version, stays out: only npm can know more.
 */
export function completePackages(packages: Record<string, Entry>): string[] {
  const added = [];
  for (const [path, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
      if (places.some((place) => packages[place] !== undefined)) continue;
      const entry = entryOf(name, version, parent);
      if (entry === undefined) continue;
      packages[`node_modules/${name}`] = entry;
      added.push(name);
    }
  }
  return added;
}

function entryOf(name: string, version: string, parent: Entry): Entry | undefined {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) return undefined;
  const words = (name.split("/").pop() ?? "").split("-");
  const system = SYSTEMS.find((one) => words.includes(one));
  const processor = PROCESSORS.find((one) => words.includes(one));
  if (system === undefined && processor === undefined) return undefined;
  return {
    version,
    ...(processor === undefined ? {} : { cpu: [processor] }),
    ...(parent.dev ? { dev: true } : {}),
    ...(words.includes("musl") ? { libc: ["musl"] } : words.includes("gnu") ? { libc: ["glibc"] } : {}),
    ...(parent.license === undefined ? {} : { license: parent.license }),
    optional: true,
    ...(system === undefined ? {} : { os: [system] }),
  };
}

function complete(file: string) {
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = completePackages(lock.packages);
  if (added.length > 0) {
    lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
    writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  }
  console.log(`package-lock.json: ${added.length} packages of other platforms added`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  complete(process.argv[2] ?? fileURLToPath(new URL("../package-lock.json", import.meta.url)));
}
