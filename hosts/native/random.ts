// SPDX-License-Identifier: MIT
import type { FillRandom } from "./natives";

/** Numbers in [0, 1) of 32 random bits. */
export function randomOf(fill: FillRandom): () => number {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  return () => {
    fill(bytes);
    return view.getUint32(0) / 2 ** 32;
  };
}

/** `count` random bytes, 256 at most. */
export function randomBytes(fill: FillRandom, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  fill(bytes);
  return bytes;
}
