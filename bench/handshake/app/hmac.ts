// SPDX-License-Identifier: MIT
/** HMAC-SHA256 of 100 bytes under a key of 32, by ours and by the SDK's. */
import { Hmac } from "berth/natives/hmac";
import { cpuTime } from "bench_natives";
import { Digest } from "crypt";
import HMAC from "hmac";
import type { HmacTimes } from "../figures";

const ROUNDS = 21;
const TIMES = 500;

const key = new Uint8Array(32).fill(7);
const message = new Uint8Array(100).fill(0x61);

/** @throws Error when the two differ */
export function hmacTimes(): HmacTimes {
  const ours = new Hmac(key);
  const theirs = new HMAC(new Digest("SHA256"), key.buffer);
  const code = new Uint8Array(32);
  ours.sign(message, code);
  const other = new Uint8Array(theirs.process(message.buffer));
  if (code.some((byte, i) => byte !== other[i])) throw new Error("the two HMACs differ");
  return alternating({
    ours: () => ours.sign(message, code),
    theirs: () => theirs.process(message.buffer),
    oursWithKey() {
      const hmac = new Hmac(key);
      hmac.sign(message, code);
      hmac.close();
    },
    theirsWithKey: () => new HMAC(new Digest("SHA256"), key.buffer).process(message.buffer),
  });
}

/** In turn, so that what else the computer does meets all. */
function alternating(works: Readonly<Record<keyof HmacTimes, () => unknown>>): HmacTimes {
  const names = Object.keys(works) as (keyof HmacTimes)[];
  const times: Record<keyof HmacTimes, number[]> = {
    ours: [],
    theirs: [],
    oursWithKey: [],
    theirsWithKey: [],
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const work = works[name];
      const start = cpuTime();
      for (let i = 0; i < TIMES; i += 1) work();
      times[name].push((cpuTime() - start) / TIMES);
    }
  }
  return {
    ours: median(times.ours),
    theirs: median(times.theirs),
    oursWithKey: median(times.oursWithKey),
    theirsWithKey: median(times.theirsWithKey),
  };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
