// SPDX-License-Identifier: MIT
import { resolve } from "node:path";
import type { TableProblem, TableRow } from "./device-table";
import { reasonOf } from "./reason";

/** The cells of a row, and what was found about them: reading goes on, so that every problem is told at once. */
export class Cells {
  readonly problems: TableProblem[] = [];
  readonly warnings: TableProblem[] = [];
  /** Paths that the row names, complete. */
  readonly files: string[] = [];
  readonly #row: TableRow;
  readonly #base: string;

  /** @param base directory that paths in the row start from */
  constructor(row: TableRow, base: string) {
    this.#row = row;
    this.#base = base;
  }

  /** As it stands in the table. */
  text(column: string): string | undefined {
    return this.#row.cells.get(column);
  }

  /** Of an id, a number, a key or a path: blanks around it come from a spreadsheet. */
  word(column: string): string | undefined {
    return this.text(column)?.trim() || undefined;
  }

  /** A path, complete. */
  file(column: string): string | undefined {
    const file = this.word(column);
    if (file === undefined) return undefined;
    const path = resolve(this.#base, file);
    this.files.push(path);
    return path;
  }

  /** What `work` returns; an error becomes a problem of the column. */
  attempt<T>(column: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.refuse(reasonOf(error), column);
      return undefined;
    }
  }

  refuse(message: string, column?: string): undefined {
    this.problems.push({ line: this.#row.line, column, message });
  }

  warn(message: string, column?: string): void {
    this.warnings.push({ line: this.#row.line, column, message });
  }
}
