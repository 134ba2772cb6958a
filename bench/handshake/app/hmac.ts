// SPDX-License-Identifier: MIT
/** HMAC-SHA256 of 100 bytes under a key of 32. */
import { Hmac } from "berth/natives/hmac";
import { cpuTime } from "bench_natives";
import type { HmacTimes } from "../figures";

const ROUNDS = 21;
const TIMES = 500;

const key = new Uint8Array(32).fill(7);
const message = new Uint8Array(100).fill(0x61);

export function hmacTimes(): HmacTimes {
  const hmac = new Hmac(key);
  const code = new Uint8Array(32);
  return alternating({
    alone: () => hmac.sign(message, code),
    withKey() {
      const one = new Hmac(key);
      one.sign(message, code);
      one.close();
    },
  });
}

/** In turn, so that what else the computer does meets all. */
function alternating(works: Readonly<Record<keyof HmacTimes, () => unknown>>): HmacTimes {
  const times: Record<keyof HmacTimes, number[]> = { alone: [], withKey: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ["alone", "withKey"] as const) {
      const work = works[name];
      const start = cpuTime();
      for (let i = 0; i < TIMES; i += 1) work();
      times[name].push((cpuTime() - start) / TIMES);
    }
  }
  return { alone: median(times.alone), withKey: median(times.withKey) };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
