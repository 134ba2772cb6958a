// SPDX-License-Identifier: MIT
/** Reads the table of devices: comma separated values with a header (RFC 4180). */
import { CsvError, parse } from "csv-parse/sync";

/** What is wrong with a table, and where. The message shows no value: it may be a key. */
export interface TableProblem {
  readonly line: number;
  readonly column: string | undefined;
  readonly message: string;
}

/** A line of the table. */
export interface TableRow {
  /** In the file, 1 the first. */
  readonly line: number;
  /** By column; empty cells are left out. */
  readonly cells: ReadonlyMap<string, string>;
}

/**
 * The rows of `text`. With a problem in the header there are none.
 * @param columns that may be there
 */
export function readTable(
  text: string,
  columns: readonly string[],
): { readonly rows: readonly TableRow[]; readonly problems: readonly TableProblem[] } {
  const problems: TableProblem[] = [];
  const note = (line: number, message: string, column?: string) => problems.push({ line, column, message });
  const [header, ...records] = recordsOf(text, note);
  if (header === undefined) {
    if (problems.length === 0)
      note(1, `it is empty; the first line names the columns: ${columns.join(", ")}`);
    return { rows: [], problems };
  }
  const names = header.record.map((name) => name.trim());
  for (const [at, name] of names.entries()) {
    if (!columns.includes(name)) {
      const hint = name.includes(";") ? "separate the columns by commas" : `known: ${columns.join(", ")}`;
      note(header.line, `"${name}" is no column; ${hint}`);
    } else if (names.indexOf(name) !== at) note(header.line, "the column is there twice", name);
  }
  if (problems.length > 0) return { rows: [], problems };
  const rows: TableRow[] = [];
  for (const { line, record } of records) {
    if (record.length !== names.length) {
      note(line, `it has ${record.length} cells, the header has ${names.length}`);
      continue;
    }
    const cells = names.map((name, at): [string, string] => [name, record[at] ?? ""]);
    rows.push({ line, cells: new Map(cells.filter(([, value]) => value !== "")) });
  }
  if (records.length === 0 && problems.length === 0) note(header.line, "there is no device below the header");
  return { rows, problems };
}

interface Record {
  readonly line: number;
  readonly record: readonly string[];
}

function recordsOf(text: string, note: (line: number, message: string) => void): Record[] {
  try {
    const found = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      // A spreadsheet leaves rows of commas behind.
      skip_records_with_empty_values: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return found.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its own message quotes the cell.
    note(Number(error.lines ?? 1), `the quotes are wrong (${error.code}); write " inside a cell twice`);
    return [];
  }
}
