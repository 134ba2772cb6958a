// SPDX-License-Identifier: MIT
import { existsSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DirectoryInUse, lockDirectory } from "../hosts/node/directory-lock";
import { BerthError } from "../src/error";

/**
 * Runs `work` with a device's directory to itself, whatever engine the device has. What was made for it and is empty
 * afterwards is removed.
 * @throws BerthError `invalid-argument` when another device works there; `store-failed` when it cannot be made or written
 *   to; what `work` throws
 */
export async function inStateDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const made = missingFrom(resolve(directory));
  try {
    const lock = await lockDirectory(directory).catch((error: Error) => {
      throw error instanceof DirectoryInUse
        ? new BerthError("invalid-argument", `--state: ${error.message}`)
        : new BerthError("store-failed", `--state: ${error.message}`);
    });
    try {
      return await work();
    } finally {
      lock.release();
    }
  } finally {
    removeEmpty(made);
  }
}

/** The directories that are not there yet, the innermost first. */
function missingFrom(directory: string): string[] {
  const missing: string[] = [];
  for (let path = directory; !existsSync(path) && dirname(path) !== path; path = dirname(path))
    missing.push(path);
  return missing;
}

function removeEmpty(directories: readonly string[]): void {
  try {
    for (const directory of directories) rmdirSync(directory);
  } catch {
    // Something is in it, or it was never made.
  }
}
