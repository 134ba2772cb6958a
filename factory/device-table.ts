// SPDX-License-Identifier: MIT
/**
 * Reads the table of devices: values with a header (RFC 4180), separated by commas or, as spreadsheets save it too, by
 * semicolons or tabs. Names of columns are taken in any case.
 */
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
  const [header, ...records] = recordsOf(text, columns, note);
  if (header === undefined) {
    if (problems.length === 0)
      note(1, `it is empty; the first line names the columns: ${columns.join(", ")}`);
    return { rows: [], problems };
  }
  const names = header.record.map((name) => columnOf(name, columns));
  checkHeader(names, columns, (message, column) => note(header.line, message, column));
  if (problems.length > 0) return { rows: [], problems };
  const rows: TableRow[] = [];
  for (const { line, record } of records) {
    if (record.length !== names.length) {
      note(line, `it has ${record.length} cells, the header has ${names.length}`);
      continue;
    }
    const filled = names.map((name, at): [string, string] => [name, record[at] ?? ""]);
    const cells = new Map(filled.filter(([, value]) => value !== ""));
    // A spreadsheet ends each line with a separator, too.
    if (cells.has(""))
      note(line, `cell ${names.indexOf("") + 1} is in a column without a name; name it, or empty it`);
    else rows.push({ line, cells });
  }
  if (records.length === 0 && problems.length === 0) note(header.line, "there is no device below the header");
  return { rows, problems };
}

/** How a name in the header is known. */
function columnOf(name: string, columns: readonly string[]): string {
  const trimmed = name.trim();
  return columns.find((column) => column.toLowerCase() === trimmed.toLowerCase()) ?? trimmed;
}

/** A table without a header has a device in its first line, and so a key: what stands there is not shown. */
function checkHeader(
  names: readonly string[],
  columns: readonly string[],
  note: (message: string, column?: string) => void,
): void {
  const known = `known: ${columns.join(", ")}`;
  if (!names.some((name) => columns.includes(name))) {
    note(`it names no column; give a header first, ${known}`);
    return;
  }
  for (const [at, name] of names.entries()) {
    if (name === "") continue;
    if (!columns.includes(name)) {
      const shown = /^[A-Za-z]{1,20}$/.test(name) ? `"${name}"` : `what names column ${at + 1}`;
      note(`${shown} is no column; ${known}`);
    } else if (names.indexOf(name) !== at) note("the column is there twice", name);
  }
}

interface Record {
  readonly line: number;
  readonly record: readonly string[];
}

/** A first line with which Excel is told what separates the cells. */
const SEPARATOR_LINE = /^sep=(.)(?:\r\n|\r|\n|$)/i;

/** The separator that `text` names, or the one by which most columns of its header are known. */
function separatorOf(text: string, columns: readonly string[]): string {
  const named = SEPARATOR_LINE.exec(text)?.[1];
  if (named !== undefined) return named;
  const [header = ""] = text.trimStart().split(/[\r\n]/, 1);
  const known = (separator: string) =>
    header
      .split(separator)
      .filter((name) => columns.includes(columnOf(name.replace(/^ *"(.*)" *$/, "$1"), columns))).length;
  return [",", ";", "\t"].reduce((best, other) => (known(other) > known(best) ? other : best));
}

function recordsOf(
  text: string,
  columns: readonly string[],
  note: (line: number, message: string) => void,
): Record[] {
  try {
    const found = parse(text, {
      info: true,
      delimiter: separatorOf(text, columns),
      from_line: SEPARATOR_LINE.test(text) ? 2 : 1,
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
