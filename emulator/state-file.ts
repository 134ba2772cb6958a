// SPDX-License-Identifier: MIT
/** The state on disk: a record a key in LMDB, each set of changes in one transaction that is synced before it counts. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RootDatabase } from "lmdb";
import { syncDirectory } from "../hosts/node/durable-file";
import { decodeRecord, encodeRecord, salvage, type StoredRecord } from "./state-envelope";

const FILE = "state.mdb";
const OPTIONS = { noSubdir: true, encoding: "binary", cache: false, overlappingSync: false } as const;

/**
 * Reads every page: LMDB trusts its file, and ends the process where that is damaged. So another process goes first.
 * Arguments: the module lmdb, the file.
 */
const PROBE = `
const [lmdb, path] = process.argv.slice(1);
const db = require(lmdb).open({ path, readOnly: true, ...${JSON.stringify(OPTIONS)} });
for (const { value } of db.getRange()) value.length;
process.exit(0);`;

/** The file cannot be read as it is. */
export class StateDamaged extends Error {
  constructor(path: string) {
    super(
      `${path} is damaged; berth emulator --state sets it aside at its start, and keeps what can be read`,
    );
    this.name = "StateDamaged";
  }
}

/** What was found when a file was opened. */
export interface Opened {
  file: StateFile;
  records: ReadonlyMap<string, unknown>;
  /** Where a damaged file was put; `records` are those that could be read. */
  damaged?: string;
}

/** An open file. */
export class StateFile {
  readonly path: string;
  readonly #db: RootDatabase<Buffer, string>;
  #sequence: number;

  private constructor(path: string, db: RootDatabase<Buffer, string>, records: readonly StoredRecord[]) {
    this.path = path;
    this.#db = db;
    this.#sequence = records.reduce((last, { sequence }) => Math.max(last, sequence), 0);
  }

  /** Whether `directory` has one. */
  static isIn(directory: string): boolean {
    return existsSync(join(directory, FILE));
  }

  /**
   * Opens the file in `directory`, or makes it. One that is damaged is renamed, and what of it can be read is in the new
   * one; what had been deleted may be among it.
   * @throws Error when lmdb has no binary for this computer; the file system's error
   */
  static async open(directory: string): Promise<Opened> {
    const path = join(directory, FILE);
    const whole = existsSync(path) ? await readWhole(path) : [];
    if (whole)
      return { file: new StateFile(path, await openDatabase(path), whole), records: valuesOf(whole) };
    const readable = [...salvage(readFileSync(path)).values()];
    const damaged = freeName(`${path}.damaged`);
    renameSync(path, damaged);
    rmSync(`${path}-lock`, { force: true });
    syncDirectory(directory);
    const file = new StateFile(path, await openDatabase(path), readable);
    const records = valuesOf(readable);
    file.write(records);
    return { file, records, damaged };
  }

  /** What the file in `directory` holds; another process may be writing it. @throws as `open`; StateDamaged */
  static async read(directory: string): Promise<ReadonlyMap<string, unknown>> {
    const path = join(directory, FILE);
    const records = await readWhole(path);
    if (!records) throw new StateDamaged(path);
    return valuesOf(records);
  }

  /**
   * Writes all of `changes` or none; they are on disk when it returns. Undefined deletes.
   * @throws the file system's error, its `code` a number of the system
   */
  write(changes: Iterable<readonly [key: string, value: unknown]>): void {
    this.#db.transactionSync(() => {
      for (const [key, value] of changes) {
        if (value === undefined) this.#db.removeSync(key);
        else this.#db.putSync(key, encodeRecord({ key, sequence: ++this.#sequence, value }));
      }
    });
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

function valuesOf(records: readonly StoredRecord[]): Map<string, unknown> {
  return new Map(records.map(({ key, value }) => [key, value]));
}

async function openDatabase(path: string, readOnly = false): Promise<RootDatabase<Buffer, string>> {
  const { open } = await import("lmdb").catch(unavailable);
  // The mode is in its documentation, and not in its types.
  const options = { path, readOnly, permissionsMode: 0o600, ...OPTIONS };
  return open<Buffer, string>(options);
}

/** All records; undefined when the file is damaged. */
async function readWhole(path: string): Promise<StoredRecord[] | undefined> {
  accessSync(path, constants.R_OK);
  await import("lmdb").catch(unavailable);
  if (!(await isSound(path))) return undefined;
  const db = await openDatabase(path, true);
  try {
    const records: StoredRecord[] = [];
    for (const { key, value } of db.getRange()) {
      const record = decodeRecord(value);
      if (record?.key !== key) return undefined;
      records.push(record);
    }
    return records;
  } finally {
    await db.close();
  }
}

async function isSound(path: string): Promise<boolean> {
  const lmdb = createRequire(import.meta.url).resolve("lmdb");
  const env = { ...process.env, NODE_OPTIONS: "" };
  try {
    await promisify(execFile)(process.execPath, ["-e", PROBE, lmdb, path], { env });
    return true;
  } catch (error) {
    // A text is the system's: no process came to be.
    if (typeof (error as NodeJS.ErrnoException).code === "string") throw error;
    return false;
  }
}

function unavailable(error: Error): never {
  const computer = `${process.platform} ${process.arch}`;
  throw new Error(
    `lmdb, which keeps the state, cannot be loaded on ${computer}; leave --state out: ${error.message}`,
    { cause: error },
  );
}

function freeName(path: string): string {
  let name = path;
  for (let number = 2; existsSync(name); number++) name = `${path}-${number}`;
  return name;
}
