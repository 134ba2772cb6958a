// SPDX-License-Identifier: MIT
import { asBerthError } from "../../../src/error";
import type { FlashRegion } from "../../../src/host";
import type { LinuxNatives } from "./natives";
import { text } from "./text";

const SECTOR = 4_096;
const ERASED = 255;

/** A file in place of flash, as hosts/node/file-region.ts has it: both can work on the same one in turn. */
export class FileRegion implements FlashRegion {
  readonly sectorSize = SECTOR;
  readonly sectors: number;
  readonly #natives: LinuxNatives;
  readonly #file: Uint8Array;

  /**
   * Makes the file when it is missing, and lengthens a shorter one.
   * @throws BerthError `outbox-unwritten`
   */
  constructor(natives: LinuxNatives, file: string, sectors: number) {
    this.#natives = natives;
    this.#file = text.encode(file);
    const whole = attempt(() => Math.floor(natives.fileSize(this.#file) / SECTOR));
    this.sectors = Math.max(whole, sectors);
    for (let sector = whole; sector < sectors; sector += 1) this.erase(sector);
  }

  erase(sector: number): void {
    this.write(sector * SECTOR, new Uint8Array(SECTOR).fill(ERASED));
  }

  read(at: number, target: Uint8Array): void {
    attempt(() => this.#natives.readFileAt(this.#file, at, target));
  }

  write(at: number, bytes: Uint8Array): void {
    attempt(() => this.#natives.writeFileAt(this.#file, at, bytes));
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asBerthError(error, "outbox-unwritten");
  }
}
