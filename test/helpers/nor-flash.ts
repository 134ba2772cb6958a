// SPDX-License-Identifier: MIT
/** NOR flash as the outbox meets it: it wears, loses power at any byte, and lies. */
import type { FlashRegion } from "../../src/host";
import { PowerCut } from "./torn-store";

export { PowerCut } from "./torn-store";

/** How what was begun is left by a power cut. */
export const CUTS = ["in order", "half a byte", "backwards", "anyhow"] as const;

export class NorFlash implements FlashRegion {
  readonly sectors: number;
  readonly sectorSize: number;
  readonly bytes: Uint8Array;
  /** Erases by sector. */
  readonly erases: number[];
  /** Bytes written, and erases counted as one byte each. */
  steps = 0;
  writes = 0;
  /** The step at which the power goes. */
  cutAfter = Number.POSITIVE_INFINITY;
  cut: (typeof CUTS)[number] = "in order";
  /** The power is gone: whatever still runs is no more. */
  dead = false;
  /** Sectors that take no write. */
  readonly broken = new Set<number>();
  #seed = 1;

  constructor(sectors: number, sectorSize: number) {
    this.sectors = sectors;
    this.sectorSize = sectorSize;
    this.bytes = new Uint8Array(sectors * sectorSize).fill(0xff);
    this.erases = new Array<number>(sectors).fill(0);
  }

  /** Power again. */
  restart(): this {
    this.cutAfter = Number.POSITIVE_INFINITY;
    this.dead = false;
    return this;
  }

  copy(): NorFlash {
    const other = new NorFlash(this.sectors, this.sectorSize);
    other.bytes.set(this.bytes);
    return other;
  }

  erase(sector: number): void {
    this.#powered();
    const start = sector * this.sectorSize;
    if (!Number.isInteger(sector) || start < 0 || start >= this.bytes.length) throw new Error("no sector");
    if (this.steps >= this.cutAfter) {
      // Bits rise in no order; some bytes are erased, some half.
      for (let i = start; i < start + this.sectorSize; i += 1)
        this.bytes[i] = (this.bytes[i] as number) | this.#random();
      this.dead = true;
      throw new PowerCut();
    }
    this.steps += 1;
    this.erases[sector] = (this.erases[sector] as number) + 1;
    this.bytes.fill(0xff, start, start + this.sectorSize);
  }

  read(at: number, target: Uint8Array): void {
    this.#powered();
    if (at < 0 || at + target.length > this.bytes.length) throw new Error("past the end");
    target.set(this.bytes.subarray(at, at + target.length));
  }

  write(at: number, bytes: Uint8Array): void {
    this.#powered();
    if (at < 0 || at + bytes.length > this.bytes.length) throw new Error("past the end");
    if (this.broken.has(Math.floor(at / this.sectorSize))) return;
    this.writes += 1;
    const { length } = bytes;
    const count = Math.min(length, this.cutAfter - this.steps);
    this.steps += count;
    for (let i = 0; i < length; i += 1) {
      const index = this.cut === "backwards" && count < length ? length - 1 - i : i;
      let value = bytes[index] as number;
      if (i >= count) {
        if (this.cut === "half a byte" && i === count) value |= 0x0f;
        else if (this.cut === "anyhow") value |= this.#random();
        else continue;
      }
      // A zero stays one.
      this.bytes[at + index] = (this.bytes[at + index] as number) & value;
    }
    this.dead = count < length;
    this.#powered();
  }

  #powered(): void {
    if (this.dead) throw new PowerCut();
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed >>> 24;
  }
}
