// SPDX-License-Identifier: MIT
/** What an image consists of, by the map that the linker writes (xs_esp32.map). */

/** A library, and what it takes. */
export interface ImagePart {
  readonly name: string;
  /** Bytes of the image: code and constants, and the initial values of what lies in RAM. */
  readonly image: number;
  /** Bytes of RAM that are taken before the app starts: code that runs there, data, and what begins as zeros. */
  readonly ram: number;
}

const IN_FLASH = /^\.(flash|iram0|dram0\.data|rtc\.|rtc_)/;
const IN_RAM = /^\.(iram0|dram0)/;
/** Has no bytes in the image. */
const ZEROS = /\.bss|\.noinit/;
/** Has bytes nowhere: it keeps addresses apart. */
const NOTHING = /dummy|_end$|reserved|\.heap_start/;

/**
 * @param map its text
 * @returns the parts, the largest first
 */
export function imageParts(map: string): ImagePart[] {
  const parts = new Map<string, { image: number; ram: number }>();
  let output = "";
  const memory = map.slice(map.indexOf("Linker script and memory map"));
  for (const line of memory.replace(/\n +(?=0x)/g, " ").split("\n")) {
    if (line.startsWith("/DISCARD/") || line.startsWith("Cross Reference")) output = "";
    output = /^(\.[\w.]+)/.exec(line)?.[1] ?? output;
    const [, size = "", file = ""] = /^ [\w.*$]*\s+0x[\da-f]+\s+0x([\da-f]+) (\S.*)$/.exec(line) ?? [];
    const bytes = Number.parseInt(size, 16);
    if (!bytes || NOTHING.test(output) || !(IN_FLASH.test(output) || IN_RAM.test(output))) continue;
    const name = /lib([^/]+)\.a\(/.exec(file)?.[1] ?? /([^/]+)\.a\(/.exec(file)?.[1] ?? "others";
    const part = parts.get(name) ?? { image: 0, ram: 0 };
    if (!ZEROS.test(output)) part.image += bytes;
    if (IN_RAM.test(output)) part.ram += bytes;
    parts.set(name, part);
  }
  return [...parts]
    .map(([name, part]) => ({ name, ...part }))
    .sort((one, other) => other.image - one.image || one.name.localeCompare(other.name));
}
