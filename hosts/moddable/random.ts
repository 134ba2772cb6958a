// SPDX-License-Identifier: MIT

/** What is needed of `rng`: on ESP32 the hardware's source. */
export interface RandomSource {
  get(count: number): ArrayBuffer;
}

/** Numbers in [0, 1) of 32 random bits. */
export function randomOf(source: RandomSource): () => number {
  return () => new DataView(source.get(4)).getUint32(0) / 2 ** 32;
}
