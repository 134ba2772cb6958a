// SPDX-License-Identifier: MIT
import { concat } from "../helpers/bytes";

/**
 * The shortest bytes found for which `fails` still holds: pieces are taken out, large ones first, then bytes are made
 * plain.
 * @param tries how often `fails` is asked at most
 */
export async function reduce(
  bytes: Uint8Array,
  fails: (bytes: Uint8Array) => boolean | Promise<boolean>,
  tries = 2_000,
): Promise<Uint8Array> {
  let smallest = bytes;
  let left = tries;
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    if (left === 0) return false;
    left -= 1;
    if (!(await fails(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = Math.ceil(bytes.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < smallest.length; ) {
      const without = concat(smallest.subarray(0, at), smallest.subarray(at + size));
      // What was taken out makes the next piece move here.
      if (await attempt(without)) continue;
      at += size;
    }
  }
  for (let at = 0; at < smallest.length; at += 1) {
    if (smallest[at] === PLAIN) continue;
    const plain = smallest.slice();
    plain[at] = PLAIN;
    await attempt(plain);
  }
  return smallest;
}

/** "0". */
const PLAIN = 0x30;
