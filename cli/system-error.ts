// SPDX-License-Identifier: MIT
/** What the operating system refuses, in words: the option, the file, the reason, what to do. */
import { getSystemErrorMap } from "node:util";
import { BerthError } from "../src/error";

/** No other command line mends these: the computer has run out of something, or a disk fails. */
const EXHAUSTED: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "make room, or take another disk"],
  ["EDQUOT", "make room, or take another disk"],
  ["EFBIG", "raise the limit of your files' size (ulimit -f)"],
  ["EIO", "check the disk"],
  ["EMFILE", "raise the limit (ulimit -n)"],
  ["ENFILE", "close other programs"],
  ["ENOMEM", "close other programs"],
]);

/** These another one does. */
const WRONG: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "correct the name, or make its directory"],
  ["EACCES", "take one that is yours"],
  ["EPERM", "take one that is yours"],
  ["EROFS", "take another disk"],
  ["EISDIR", "name a file"],
  ["ENOTDIR", "a part of the name is a file; correct it"],
  ["EEXIST", "move it away, or take another name"],
]);

/** The command line is right, and the computer cannot do it: exit status 1. `code` is that of the system, as `ENOSPC`. */
export class SystemFailure extends Error {
  readonly code: string;
  readonly retriable = false;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Is it an error of a system call? */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof syscall === "string" && typeof code === "string";
}

/**
 * An error of a system call as one for people; any other error as it is.
 * @param option that named the file, for example `--state`
 * @param path where the error names none: a write goes to a descriptor
 * @returns BerthError `invalid-argument`, or a SystemFailure
 */
export function systemError(error: unknown, option?: string, path?: string): unknown {
  if (!isSystemError(error)) return error;
  const { code, errno = 0, path: named = path } = error;
  const reason = getSystemErrorMap().get(errno)?.[1] ?? error.message;
  const next = refusesDirectories(error) ?? EXHAUSTED.get(code) ?? WRONG.get(code);
  const what = next === undefined ? reason : `${reason}; ${next}`;
  const message = [option, named, what].filter((part) => part !== undefined).join(": ");
  return EXHAUSTED.has(code) ? new SystemFailure(code, message) : new BerthError("invalid-argument", message);
}

/** What leads to it is made first, so that ENOENT is not about a missing one (`makeDirectory`). */
function refusesDirectories({ syscall, code }: NodeJS.ErrnoException): string | undefined {
  return syscall === "mkdir" && code === "ENOENT"
    ? "no directory can be made there; take another one"
    : undefined;
}

/** Runs `work`. @throws as `systemError`, and what else it throws */
export function namingOption<T>(option: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw systemError(error, option, path);
  }
}
