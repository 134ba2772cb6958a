// SPDX-License-Identifier: MIT
/** Handshakes, one after the other: their processor time, or what they keep in memory. */
import { allocated, collect, heap, watchPeaks } from "bench_natives";
import Timer from "timer";
import type { Memory } from "../figures";
import type { Client, Server } from "./clients";
import { Stopwatch } from "./stopwatch";

/** For `heap` and `allocated`. */
const Heap = { CHUNKS: 0, CHUNKS_PEAK: 1, CHUNKS_FREE: 2, SLOTS: 3, SLOTS_PEAK: 4, SLOTS_FREE: 5 };
const Malloc = { USED: 0, PEAK: 1, RESET: 2 };

/** @param done gets microseconds of processor time */
export function time(client: Client, server: Server, done: (microseconds: number) => void): void {
  const stopwatch = new Stopwatch();
  open(client, server, stopwatch, done);
}

/** Milliseconds after which nothing is left of the connection before. */
const SETTLED = 300;

/** Two connections: one in a heap of XS that has room, for what C takes; one in a heap that has none, for what XS takes. */
export function memory(client: Client, server: Server, done: (memory: Memory) => void): void {
  roomy(client, server, (c) => tight(client, server, (xs) => done({ ...xs, c })));
}

function roomy(client: Client, server: Server, done: (c: number) => void): void {
  Timer.set(() => {
    collect();
    allocated(Malloc.RESET);
    const c = allocated(Malloc.USED);
    open(client, server, new Stopwatch(), () => done(allocated(Malloc.PEAK) - c));
  }, SETTLED);
}

function tight(
  client: Client,
  server: Server,
  done: (memory: Pick<Memory, "chunks" | "slots">) => void,
): void {
  Timer.set(() => {
    collect();
    const filling = fill();
    watchPeaks();
    const [chunks, slots] = [heap(Heap.CHUNKS), heap(Heap.SLOTS)];
    open(client, server, new Stopwatch(), () => {
      const peaks = { chunks: heap(Heap.CHUNKS_PEAK) - chunks, slots: heap(Heap.SLOTS_PEAK) - slots };
      filling.release();
      done(peaks);
    });
  }, SETTLED);
}

/** Leaves XS next to nothing free, until it is released. */
function fill(): { release(): void } {
  let held: object = { chunk: new ArrayBuffer(Math.max(0, heap(Heap.CHUNKS_FREE) - LITTLE)) };
  while (heap(Heap.SLOTS_FREE) > LITTLE) held = { held };
  return {
    release() {
      held = {};
    },
  };
}

const LITTLE = 2048;

/** @param done gets microseconds of processor time until the handshake was done, once the connection is closed again */
function open(
  client: Client,
  server: Server,
  stopwatch: Stopwatch,
  done: (microseconds: number) => void,
): void {
  let opened = false;
  const close = client(server, stopwatch, () => {
    // Later on this tells of more room.
    if (opened) return;
    opened = true;
    const { time } = stopwatch;
    Timer.set(() => {
      close();
      done(time);
    }, 0);
  });
}
