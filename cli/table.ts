// SPDX-License-Identifier: MIT
/** Values for people: a table where it fits, else a line a field. No word is broken. */
import { printable } from "./printable";

/** Columns of a screen whose width is not known. */
const USUAL_WIDTH = 80;
const GAP = "  ";

/** Rows under their columns; where they are too wide, each row as `fields`. @param columns paths such as `authentication.type` */
export function table(rows: readonly unknown[], columns: readonly string[], width = USUAL_WIDTH): string[] {
  if (rows.length === 0) return ["(none)"];
  const cells = rows.map((row) => columns.map((column) => cellOf(at(row, column))));
  const names = columns.map((column) => column.slice(column.lastIndexOf(".") + 1));
  const widths = names.map((name, index) => Math.max(name.length, ...cells.map((row) => row[index]!.length)));
  if (widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) <= width)
    return [names, ...cells].map((row) => joined(row, widths));
  const longest = Math.max(...names.map((name) => name.length));
  return cells.flatMap((row, index) => [
    ...(index === 0 ? [] : [""]),
    ...row.map((cell, column) => `${names[column]!.padEnd(longest)}${GAP}${cell}`),
  ]);
}

/** Every field of an object, those inside others by their path; `$metadata` is left to `--json`. */
export function fields(value: unknown): string[] {
  const pairs = [...flattened(value, "")];
  const longest = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `${name.padEnd(longest)}${GAP}${text}`.trimEnd());
}

function joined(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, index) => cell.padEnd(widths[index]!))
    .join(GAP)
    .trimEnd();
}

function* flattened(value: unknown, path: string): Generator<[string, string]> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield [path, cellOf(value)];
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    if (key === "$metadata") continue;
    yield* flattened(member, path === "" ? printable(key) : `${path}.${printable(key)}`);
  }
}

function at(row: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      row,
    );
}

function cellOf(value: unknown): string {
  if (value === undefined || value === null || value === "") return "-";
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}
