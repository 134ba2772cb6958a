// SPDX-License-Identifier: MIT
/** Values of options of the two commands that fuzz. */
import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = Object.freeze({ s: 1_000, m: 60_000, h: 3_600_000 });

/** Milliseconds. */
export function duration(value: string): number {
  const [, digits, unit] = /^(\d+)([smh])$/.exec(value) ?? [];
  if (digits === undefined || unit === undefined) throw new InvalidArgumentError("Give 30s, 10m or 1h.");
  return Number(digits) * (UNITS[unit] ?? 0);
}

export function count(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("Give a whole number.");
  return Number(value);
}
