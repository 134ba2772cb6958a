// SPDX-License-Identifier: MIT
/** One process a directory: for what keeps state in files, a device or the emulator. */
import { closeSync, constants, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { makeDirectory, removeTemporaries } from "./durable-file";

/** The file that names the holder, for people: it is no lock, and may be left by a process that was killed. */
const HOLDER_FILE = "holder.pid";
/** Milliseconds between two looks. */
const PAUSE = 50;

/** Another process, or another part of this one, works in the directory. */
export class DirectoryInUse extends Error {
  constructor(directory: string, holder: number | undefined) {
    const who = holder === undefined ? "another process" : `process ${holder}`;
    super(`${directory} is in use by ${who}; stop it, or take another directory`);
    this.name = "DirectoryInUse";
  }
}

/** A directory that is ours until `release`, or the end of the process however it ends. */
export interface DirectoryLock {
  /** May be called twice. */
  release(): void;
}

/**
 * Makes the directory (mode 0700) when it is missing, and takes it for this process. The kernel holds the lock and drops
 * it with the process, so none is ever left behind: a socket of no file on Linux, a named pipe on Windows, a locked file
 * on macOS and BSD (the latter three untried). It holds on one computer; not between those that share the directory, nor
 * between network namespaces.
 * @param wait milliseconds to wait for it
 * @throws DirectoryInUse when it is taken; the file system's error when it cannot be made or written to
 */
export async function lockDirectory(directory: string, wait = 0): Promise<DirectoryLock> {
  const path = resolve(directory);
  makeDirectory(path);
  const end = performance.now() + wait;
  for (;;) {
    const unlock = await tryLock(path);
    if (unlock) return owned(path, unlock);
    if (performance.now() >= end) throw new DirectoryInUse(path, holderOf(path));
    await new Promise((next) => setTimeout(next, PAUSE));
  }
}

function owned(path: string, unlock: () => void): DirectoryLock {
  const file = join(path, HOLDER_FILE);
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    // A directory that somebody has removed is no reason to keep the lock.
    rmSync(file, { force: true });
    unlock();
  };
  try {
    removeTemporaries(path);
    rmSync(file, { force: true });
    writeFileSync(file, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    release();
    // That of a write has no path.
    throw Object.assign(error as NodeJS.ErrnoException, {
      path: (error as NodeJS.ErrnoException).path ?? file,
    });
  }
  return { release };
}

/** Undefined when it is taken. */
async function tryLock(path: string): Promise<(() => void) | undefined> {
  const { dev, ino } = statSync(path, { bigint: true });
  const name = `berth-${dev}-${ino}`;
  if (process.platform === "linux" || process.platform === "android") return tryListen(`\0${name}`);
  if (process.platform === "win32") return tryListen(`\\\\.\\pipe\\${name}`);
  return tryOpenExclusively(join(path, "lock"));
}

function tryListen(name: string): Promise<(() => void) | undefined> {
  return new Promise((found, failed) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") found(undefined);
      else failed(error);
    });
    server.listen(name, () => found(() => server.close()));
    server.unref();
  });
}

/** O_EXLOCK of BSD and macOS, which Node does not name. */
const EXCLUSIVE_LOCK = 0x20;

function tryOpenExclusively(file: string): (() => void) | undefined {
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | EXCLUSIVE_LOCK;
    const descriptor = openSync(file, flags, 0o600);
    return () => closeSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(path, HOLDER_FILE), "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
