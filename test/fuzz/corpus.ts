// SPDX-License-Identifier: MIT
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One directory a target, one file a sample. */
export const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url));

export function readCorpus(): Record<string, Uint8Array[]> {
  const corpus: Record<string, Uint8Array[]> = {};
  for (const target of readdirSync(CORPUS).sort()) {
    const files = readdirSync(join(CORPUS, target)).sort();
    corpus[target] = files.map((file) => new Uint8Array(readFileSync(join(CORPUS, target, file))));
  }
  return corpus;
}
