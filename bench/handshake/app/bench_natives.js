// SPDX-License-Identifier: MIT
// For the SDK's compiler, in its own syntax for natives; bench_natives.d.ts says what they do.

export function mbedtlsVersion() @ "xs_bench_mbedtls_version";
export function cpuTime() @ "xs_bench_cpu_time";
export function collect() @ "xs_bench_collect";
export function heap(which) @ "xs_bench_heap";
export function watchPeaks() @ "xs_bench_watch_peaks";
export function allocated(which) @ "xs_bench_allocated";
