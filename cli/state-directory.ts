// SPDX-License-Identifier: MIT
import { rmdirSync } from "node:fs";
import { resolve } from "node:path";
import { DirectoryInUse, lockDirectory } from "../hosts/node/directory-lock";
import { missingDirectories } from "../hosts/node/durable-file";
import { StateStore } from "../emulator/state";
import { StateDamaged } from "../emulator/state-file";
import { BerthError } from "../src/error";
import { isSystemError, SystemFailure, systemError } from "./system-error";

/**
 * Runs `work` with a device's directory to itself, whatever engine the device has. What was made for it and is empty
 * afterwards is removed.
 * @throws as `stateError`; what `work` throws
 */
export async function inStateDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const made = missingDirectories(directory);
  try {
    const lock = await lockDirectory(directory).catch((error: unknown) => {
      throw stateError(error, directory);
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

/**
 * Why `--state` cannot be used, in words; an error of another kind as it is.
 * @returns BerthError `invalid-argument`, or a SystemFailure
 */
export function stateError(error: unknown, directory: string): unknown {
  const path = resolve(directory);
  if (error instanceof DirectoryInUse) return new SystemFailure("EBUSY", `--state: ${error.message}`);
  if (isSystemError(error) && error.syscall === "mkdir" && error.code === "EEXIST")
    return new BerthError("invalid-argument", `--state: ${path} is a file; name a directory`);
  return systemError(error, "--state", path);
}

/** The state of the emulator that has `directory`; it may be running. Undefined when there is none. @throws as `stateError` */
export function readState(directory: string): Promise<StateStore | undefined> {
  return StateStore.read(directory).catch((error: unknown) => {
    throw error instanceof StateDamaged
      ? new BerthError("invalid-argument", `--state: ${error.message}`)
      : stateError(error, directory);
  });
}

function removeEmpty(directories: readonly string[]): void {
  try {
    for (const directory of directories) rmdirSync(directory);
  } catch {
    // Something is in it, or it was never made.
  }
}
