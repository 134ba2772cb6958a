// SPDX-License-Identifier: MIT
/** Counts, inside XS, what an operation takes: exact, and the same in each run. */
import { Counter, type XsTools } from "../../hosts/xs/inside/globals";

/** For one operation. */
export interface XsCost {
  /** Steps of the engine. */
  readonly computrons: number;
  readonly slots: number;
  /** Slots and chunks together. */
  readonly bytes: number;
}

export type Operations = Readonly<Record<string, () => void>>;

/** How often an operation runs for a figure: few enough that no garbage is collected meanwhile. */
const TIMES = 100;

function nothing(): void {}

/** @throws Error when garbage was collected meanwhile: the figures would be wrong */
export function measure(tools: XsTools, operations: Operations): Record<string, XsCost> {
  const empty = count(tools, nothing);
  const costs: Record<string, XsCost> = {};
  for (const [name, operation] of Object.entries(operations)) {
    // What is made only once is made now.
    operation();
    const { computrons, slots, chunks } = count(tools, operation);
    const each = (total: number, without: number): number => (total - without) / TIMES;
    const eachSlots = each(slots, empty.slots);
    costs[name] = {
      computrons: each(computrons, empty.computrons),
      slots: eachSlots,
      bytes: eachSlots * tools.counter(Counter.SLOT_SIZE) + each(chunks, empty.chunks),
    };
  }
  return costs;
}

function count(
  { counter, gc, resetMeter }: XsTools,
  operation: () => void,
): { computrons: number; slots: number; chunks: number } {
  gc();
  const collections = counter(Counter.COLLECTIONS);
  const slots = counter(Counter.SLOTS);
  const chunks = counter(Counter.CHUNKS);
  resetMeter(0, 0);
  for (let i = 0; i < TIMES; i += 1) operation();
  const computrons = resetMeter(0, 0);
  if (counter(Counter.COLLECTIONS) !== collections) throw new Error("garbage was collected meanwhile");
  return { computrons, slots: counter(Counter.SLOTS) - slots, chunks: counter(Counter.CHUNKS) - chunks };
}
