// SPDX-License-Identifier: MIT
/** Tables of Markdown that a terminal shows as well. */

const format = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function whole(value: number | undefined): string {
  return value === undefined ? "" : format.format(value);
}

/** `ours` as a part of `theirs`. */
export function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours !== undefined && theirs ? (ours / theirs).toFixed(3) : "";
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
