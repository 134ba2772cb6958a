// SPDX-License-Identifier: MIT
/** Writes a file that only its owner can read, whole or not at all. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes `content` beside `path`, syncs it and renames it over what is there: after a power cut or on a full disk
 * there is the old content or the new one. Mode 0600. Calls for one path must not overlap.
 * @throws the error of the file system, with the path; nothing of `content` is left behind then
 */
export function replaceDurably(path: string, content: Uint8Array): void {
  const temporary = `${path}.tmp`;
  try {
    // What a crash left keeps its own mode, so it is not written into.
    rmSync(temporary, { force: true });
    writeDurably(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // An error of a descriptor has no path, and the temporary name is no help.
    throw Object.assign(error as Error, { path });
  }
  syncDirectory(dirname(path));
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

function writeDurably(file: string, content: Uint8Array): void {
  const descriptor = openSync(file, "wx", 0o600);
  try {
    for (let written = 0; written < content.length; ) written += writeSync(descriptor, content, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
