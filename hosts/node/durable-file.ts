// SPDX-License-Identifier: MIT
/** Writes a file that only its owner can read, whole or not at all; for hosts and the emulator alike. */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

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
