// SPDX-License-Identifier: MIT
/** A shorter script with the same end: the one device, and as few of its faults as break the same rule. */
import { type Violation, World, type WorldOptions } from "./world";

/** Runs in all; each is of one device, to the violation. */
const MOST_RUNS = 150;

/** @returns the violation of the shortest script that was found, and the numbers of its faults */
export function shrink(
  options: WorldOptions,
  found: Violation,
): { violation: Violation; faults: readonly number[] } {
  const only = found.device;
  let faults: readonly number[] = [...found.faults.keys()];
  let violation = found;
  let runs = 0;
  const breaks = (kept: readonly number[]): boolean => {
    runs += 1;
    const happens = new Set(kept);
    const world = new World({ ...options, only, happens: (fault) => happens.has(fault) });
    const { violation: other } = world.runAtOnce();
    if (other?.rule !== found.rule) return false;
    violation = other;
    faults = kept.filter((fault) => other.faults.has(fault));
    return true;
  };
  // Others may have mattered, for one that waits for its step counts only when that comes.
  if (!breaks(faults)) return { violation, faults };
  for (let size = Math.ceil(faults.length / 2); size >= 1 && runs < MOST_RUNS; ) {
    let smaller = false;
    for (let at = faults.length - size; at >= -size + 1 && runs < MOST_RUNS; at -= size) {
      const kept = faults.filter((_, i) => i < at || i >= at + size);
      if (kept.length < faults.length && breaks(kept)) smaller = true;
    }
    if (size === 1 && !smaller) break;
    size = smaller ? Math.min(size, Math.ceil(faults.length / 2)) : Math.floor(size / 2);
    if (faults.length === 0) break;
  }
  return { violation, faults };
}
