// SPDX-License-Identifier: MIT
declare module "bench_natives" {
  export function mbedtlsVersion(): string;
  /** Microseconds of processor that this thread has had. */
  export function cpuTime(): number;
  /** Collects garbage. */
  export function collect(): void;
  /** Bytes of XS: chunks 0 in use, 1 the most, 2 free; slots 3 in use, 4 the most, 5 free. */
  export function heap(which: number): number;
  /** Sets the most to what is in use, and lets the heap grow in small steps from now on. */
  export function watchPeaks(): void;
  /** Bytes of `malloc`, of all the process: 0 in use, 1 the most; 2 sets the most to what is in use. */
  export function allocated(which: number): number;
}
