// SPDX-License-Identifier: MIT
/** Makes files and directories that only their owner can read, files whole or not at all; for hosts and the emulator alike. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Writes `content` beside `path`, syncs it and renames it over what is there, a link too: after a power cut or on a
 * full disk there is the old content or the new one. Mode 0600.
 * @throws the error of the file system, with the path; nothing of `content` is left behind then
 */
export function replaceDurably(path: string, content: Uint8Array): void {
  const temporary = temporaryOf(path);
  try {
    writeDurably(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // An error of a descriptor has no path, and the temporary name is no help.
    throw Object.assign(error as Error, { path });
  }
  syncDirectory(dirname(path));
}

/** As `replaceDurably`, without blocking. Of calls that overlap any may be the last. @throws as `replaceDurably` */
export async function replaceDurablyAsync(path: string, content: Uint8Array): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw Object.assign(error as Error, { path });
  }
  syncDirectory(dirname(path));
}

/** The directories of a path that are not there yet, the innermost first. */
export function missingDirectories(directory: string): string[] {
  const missing: string[] = [];
  for (let path = resolve(directory); !existsSync(path) && dirname(path) !== path; path = dirname(path))
    missing.push(path);
  return missing;
}

/**
 * Makes a directory and those that lead to it, where they are missing; mode 0700. Not by `recursive` of `mkdirSync`,
 * which never returns where a file system says ENOENT below a directory that is there, as /proc does (Node.js 20), and
 * says so itself of one that is read-only.
 * @returns the outermost that was made; undefined where all were there
 * @throws the error of the file system; ENOENT from one that takes no directories, EEXIST where `directory` is a file
 */
export function makeDirectory(directory: string): string | undefined {
  const missing = missingDirectories(directory).reverse();
  for (const path of missing.length === 0 ? [resolve(directory)] : missing) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      // It was there, or somebody else has made it meanwhile.
      if (!isDirectory(path)) throw error;
    }
  }
  return missing[0];
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** Removes what writers that were killed have left in `directory`. Only for its one owner. @throws on any I/O error */
export function removeTemporaries(directory: string): void {
  for (const name of readdirSync(directory))
    if (/\.[0-9a-f]{16}\.tmp$/.test(name)) rmSync(join(directory, name), { force: true });
}

/** A new name is durable once its directory is synced; Windows has no such call and needs none. */
export function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A name of its own for each write: nobody else's rest or link is ever written into. */
function temporaryOf(path: string): string {
  return `${path}.${randomBytes(8).toString("hex")}.tmp`;
}

function writeDurably(file: string, content: Uint8Array): void {
  const descriptor = openSync(file, "wx", 0o600);
  try {
    for (let written = 0; written < content.length; ) written += writeSync(descriptor, content, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
