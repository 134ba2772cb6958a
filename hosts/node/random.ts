// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";

/** A number in [0, 1) with all 53 bits from the system's random source. */
export function random(): number {
  const bytes = randomBytes(8);
  return (bytes.readUInt32LE(0) * 0x20_0000 + (bytes.readUInt32LE(4) >>> 11)) / 2 ** 53;
}
