// SPDX-License-Identifier: MIT
/** What an app takes: the most that the SDK's instruments showed of it, and its bytecode. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Bytes of a slot in a 64-bit build, the only one for Linux; 16 on ESP32. */
const SLOT = 32;

/** By the instruments' names, in the order of the line. */
const SHOWN: readonly [name: string, about: string, unit: number][] = [
  ["Stack used", "slots of stack", SLOT],
  ["Slot used", "slots", SLOT],
  ["Chunk used", "bytes of chunks", 1],
];

/** The highest of the samples that the instruments print each second. */
export class Peaks {
  #names: readonly string[] = [];
  readonly #highest = new Map<string, number>();

  /** @param line that the app or the SDK has printed */
  take(line: string): void {
    const [, key, list = ""] = /^instruments( key)?: (.*)$/.exec(line) ?? [];
    const fields = list.split(",");
    if (key !== undefined) this.#names = fields;
    else if (list !== "") {
      for (const [i, name] of this.#names.entries())
        this.#highest.set(name, Math.max(this.#highest.get(name) ?? 0, Number(fields[i])));
    }
  }

  /** One line for people; undefined where there were no instruments. */
  get text(): string | undefined {
    if (this.#highest.size === 0) return undefined;
    const shown = SHOWN.map(([name, about, unit]) => `${(this.#highest.get(name) ?? 0) / unit} ${about}`);
    return `highest: ${shown.join(", ")}`;
  }
}

/** @param directory what mcconfig made for an app. @returns one line for people about the bytecode in it, the SDK's included */
export function bytecodeIn(directory: string): string {
  const files = readdirSync(directory, { recursive: true }).filter((file) => String(file).endsWith(".xsb"));
  const bytes = files.reduce((sum, file) => sum + statSync(join(directory, String(file))).size, 0);
  return `bytecode: ${bytes} bytes in ${files.length} modules`;
}
