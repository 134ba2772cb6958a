// SPDX-License-Identifier: MIT
/** A file that behaves as a part of flash does, for the outbox of a device on a desktop. */
import { closeSync, constants, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { BerthError } from "../../src/error";
import type { FlashRegion } from "../../src/host";
import { syncDirectory } from "./durable-file";

const SECTOR = 4_096;

export class FileRegion implements FlashRegion {
  readonly sectorSize = SECTOR;
  readonly sectors: number;
  readonly #file: string;

  /**
   * Makes the file when it is missing, readable by its owner only, and lengthens a shorter one; a longer one stays as it is.
   * One device at a time works on it.
   * @param sectors of 4,096 bytes
   * @throws BerthError `outbox-unwritten` when it cannot be made or is none of ours
   */
  constructor(file: string, sectors: number) {
    this.#file = file;
    this.sectors = this.#work(constants.O_RDWR | constants.O_CREAT, (descriptor) => {
      const size = fstatSync(descriptor).size;
      // One that a power cut has left as it was made.
      const whole = Math.floor(size / SECTOR);
      for (let slot = whole; slot < sectors; slot += 1) this.#put(descriptor, slot * SECTOR, erased());
      if (whole < sectors) {
        fdatasyncSync(descriptor);
        syncDirectory(dirname(file));
      }
      return Math.max(whole, sectors);
    });
  }

  erase(sector: number): void {
    this.write(sector * SECTOR, erased());
  }

  read(at: number, target: Uint8Array): void {
    this.#work(constants.O_RDONLY, (descriptor) => {
      for (let done = 0; done < target.length; ) {
        const count = readSync(descriptor, target, done, target.length - done, at + done);
        if (count === 0) throw new Error("it has become shorter");
        done += count;
      }
    });
  }

  write(at: number, bytes: Uint8Array): void {
    this.#work(constants.O_RDWR, (descriptor) => {
      this.#put(descriptor, at, bytes);
      fdatasyncSync(descriptor);
    });
  }

  #put(descriptor: number, at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  }

  /** No descriptor is held: a fleet in one process has as many files as devices. */
  #work<Result>(flags: number, work: (descriptor: number) => Result): Result {
    try {
      const descriptor = openSync(this.#file, flags, 0o600);
      try {
        return work(descriptor);
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      throw new BerthError("outbox-unwritten", `${this.#file}: ${(error as Error).message}`);
    }
  }
}

function erased(): Uint8Array {
  return new Uint8Array(SECTOR).fill(255);
}
