// SPDX-License-Identifier: MIT
/**
 * The corpus: a directory a target. Files that people named hold the bytes of one sample, `found.hex` a line of
 * hexadecimal digits for each that fuzzing found.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where it is in the repository. */
export const CORPUS = fileURLToPath(new URL("./corpus/", import.meta.url));

const FOUND = "found.hex";

export interface Corpus {
  /** Written by people, or what once broke a rule. */
  readonly named: readonly Uint8Array[];
  /** Found by coverage. */
  readonly found: readonly Uint8Array[];
}

/** The samples of `target`; none where it has no directory. */
export function readCorpus(target: string, directory = CORPUS): Corpus {
  const folder = join(directory, target);
  if (!existsSync(folder)) return { named: [], found: [] };
  const names = readdirSync(folder).filter((name) => name !== FOUND);
  const lines = existsSync(join(folder, FOUND)) ? readFileSync(join(folder, FOUND), "utf8").split("\n") : [];
  return {
    named: names.sort().map((name) => new Uint8Array(readFileSync(join(folder, name)))),
    found: lines.filter((line) => line !== "").map((line) => new Uint8Array(Buffer.from(line, "hex"))),
  };
}

/** The targets that have a directory. */
export function targetsWithCorpus(directory = CORPUS): string[] {
  return readdirSync(directory).sort();
}

/** Replaces what coverage found. */
export function writeFound(target: string, samples: readonly Uint8Array[], directory = CORPUS): void {
  const folder = join(directory, target);
  mkdirSync(folder, { recursive: true });
  const lines = samples.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`);
  writeFileSync(join(folder, FOUND), lines.join(""));
}

/** Keeps what broke a rule, so that `npm test` has it from then on. @returns the file */
export function writeReproducer(target: string, bytes: Uint8Array, directory = CORPUS): string {
  const folder = join(directory, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `broke-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`);
  writeFileSync(file, bytes);
  return file;
}
