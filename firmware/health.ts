// SPDX-License-Identifier: MIT
/** What the device tells about itself. */
import Instrumentation from "instrumentation";

/** Memory in use, bytes; figures that the build does not measure are left out. */
export interface Memory {
  chunk?: number;
  slot?: number;
  stack?: number;
  /** Free memory of the system; ESP32 only. */
  free?: number;
}

/** Reads the SDK's instruments; a release build without them has none. */
export function memory(): Memory {
  const found: Memory = {};
  measure("XS Chunk Heap Used", (value) => {
    found.chunk = value;
  });
  measure("XS Slot Heap Used", (value) => {
    found.slot = value;
  });
  measure("XS Stack Used", (value) => {
    found.stack = value;
  });
  measure("System Free Memory", (value) => {
    found.free = value;
  });
  return found;
}

function measure(name: Parameters<typeof Instrumentation.map>[0], take: (value: number) => void): void {
  const index = Instrumentation.map(name);
  const value = index === undefined ? undefined : Instrumentation.get(index);
  if (value !== undefined) take(value);
}
