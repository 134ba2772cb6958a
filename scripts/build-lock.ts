// SPDX-License-Identifier: MIT
/** One build at a time in one place, over all processes of this computer. */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_AGAIN = 200;
/** Longer than most builds take: who waits shall know for what. */
const PATIENCE = 5_000;

export interface LockOptions {
  /** Gets one line when it waits for long. */
  readonly log?: (line: string) => void;
  /** Milliseconds until then. */
  readonly patience?: number;
}

/**
 * Does `work` while no other process holds `lock`, a file that says which process does. The lock of a process that has
 * died is taken over.
 */
export async function withLock<T>(
  lock: string,
  work: () => Promise<T>,
  { log = () => {}, patience = PATIENCE }: LockOptions = {},
): Promise<T> {
  const ours = `${process.pid} ${startOf(process.pid) ?? "-"} ${randomUUID()}`;
  let waited = 0;
  while (!take(lock, ours)) {
    await sleep(LOOK_AGAIN);
    if (waited < patience && waited + LOOK_AGAIN >= patience) {
      log(`waiting for another build; if there is none, remove ${lock}`);
    }
    waited += LOOK_AGAIN;
  }
  try {
    return await work();
  } finally {
    if (contentOf(lock) === ours) rmSync(lock, { force: true });
  }
}

function take(lock: string, ours: string) {
  // Linked when its content is complete: a process that is killed, or a full disk, leaves no lock without a holder.
  const whole = `${lock}.${process.pid}-${randomUUID()}`;
  try {
    writeFileSync(whole, ours, { flag: "wx" });
    linkSync(whole, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(whole, { force: true });
  }
  const theirs = contentOf(lock);
  if (theirs !== undefined && !holderLives(theirs)) remove(lock, theirs);
  return false;
}

/** Removes the lock of a process that has died, unless another has taken it over meanwhile. */
function remove(lock: string, stale: string) {
  const aside = `${lock}.${process.pid}-${randomUUID()}`;
  try {
    renameSync(lock, aside);
    if (contentOf(aside) !== stale) linkSync(aside, lock);
  } catch (error) {
    // ENOENT: removed by another. EEXIST: taken meanwhile.
    if (!["ENOENT", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** @returns undefined when it is gone */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    // ESRCH: a file of /proc whose process has just ended.
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return undefined;
  }
}

function holderLives(content: string) {
  const [holder, start] = content.split(" ");
  // Nobody's: made by other means than `take`.
  if (!Number(holder)) return false;
  try {
    process.kill(Number(holder), 0);
  } catch (error) {
    // EPERM: of another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  // Another process may have its number by now.
  const now = startOf(Number(holder));
  return now === undefined || start === undefined || start === "-" || start === now;
}

/**
 * When a process started, in ticks since the computer did: proc_pid_stat(5), field 22.
 * @returns undefined where that is not told: on Linux it is
 */
function startOf(pid: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const stat = contentOf(`/proc/${pid}/stat`);
  // The name of the program, field 2, may hold anything.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
