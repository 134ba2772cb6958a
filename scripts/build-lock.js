// SPDX-License-Identifier: MIT
/** One build at a time in one place, over all processes of this computer. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_AGAIN = 200;

/**
 * Does `work` while no other process holds `lock`, a file with the number of the process that does. The lock of a
 * process that has died is taken over.
 * @template T
 * @param {string} lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(lock, work) {
  while (!take(lock)) await sleep(LOOK_AGAIN);
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {string} lock */
function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  }
  if (!holderLives(lock)) rmSync(lock, { force: true });
  return false;
}

/** @param {string} lock */
function holderLives(lock) {
  try {
    const holder = Number(readFileSync(lock, "utf8"));
    // Empty while it is being written.
    if (holder > 0) process.kill(holder, 0);
    return true;
  } catch (error) {
    // EPERM: of another user. ENOENT: given back meanwhile.
    return /** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH";
  }
}
