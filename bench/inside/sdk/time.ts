// SPDX-License-Identifier: MIT
/** Stands in for the SDK's native module `time`. */
export default {
  ticks: 0,
  delta: (start: number, end: number): number => end - start,
};
