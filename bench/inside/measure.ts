// SPDX-License-Identifier: MIT
/** Counts, inside XS, what an operation takes: exact, and the same in each run. */
import { Counter, type XsTools } from "../../hosts/xs/inside/globals";
import type { StandInPair, StandIns } from "./stand-ins";

/** For one operation. */
export interface XsCost {
  /** Steps of the engine. */
  readonly computrons: number;
  readonly slots: number;
  /** Slots and chunks together. */
  readonly bytes: number;
  /** Computrons that stand-ins took and that are not in `computrons`; undefined without stand-ins. */
  readonly standIns?: number;
}

/** What is counted, and what has to happen before each time and is not. */
export interface PreparedOperation {
  readonly prepare: () => void;
  readonly run: () => void;
}

export type Operations = Readonly<Record<string, () => void>>;
export type PreparedOperations = Readonly<Record<string, (() => void) | PreparedOperation>>;

/** How often an operation runs for a figure: few enough that no garbage is collected meanwhile. */
const TIMES = 100;

function nothing(): void {}

/** What an operation took, `TIMES` times. */
interface Total {
  readonly computrons: number;
  readonly slots: number;
  readonly chunks: number;
}

/**
 * @param standIns what in script takes the place of natives; what they cost over natives is taken off
 * @throws Error when garbage was collected meanwhile: the figures would be wrong
 */
export function measure(
  tools: XsTools,
  operations: PreparedOperations,
  standIns?: StandIns,
): Record<string, XsCost> {
  const slotSize = tools.counter(Counter.SLOT_SIZE);
  const empty = count(tools, nothing);
  const overheads = standIns?.pairs.map((pair) => ({ calls: pair.calls, each: overhead(tools, pair) }));
  const costs: Record<string, XsCost> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const { prepare, run } =
      typeof operation === "function" ? { prepare: nothing, run: operation } : operation;
    // What is made only once is made now.
    prepare();
    run();
    let total = minus(count(tools, run, prepare, standIns), empty);
    const whole = total.computrons;
    for (const { calls, each } of overheads ?? []) {
      total = minus(total, each, (standIns?.calls[calls] ?? 0) / TIMES);
    }
    const slots = total.slots / TIMES;
    costs[name] = {
      computrons: total.computrons / TIMES,
      slots,
      bytes: slots * slotSize + total.chunks / TIMES,
      ...(standIns && { standIns: (whole - total.computrons) / TIMES }),
    };
  }
  return costs;
}

/** What a stand-in takes more than the native. */
function overhead(tools: XsTools, { standIn, native, allocates = native }: StandInPair): Total {
  const total = count(tools, standIn);
  const { computrons } = count(tools, native);
  const { slots, chunks } = count(tools, allocates);
  return minus(total, { computrons, slots, chunks });
}

function minus(total: Total, without: Total, times = 1): Total {
  return {
    computrons: total.computrons - without.computrons * times,
    slots: total.slots - without.slots * times,
    chunks: total.chunks - without.chunks * times,
  };
}

function count(
  { counter, gc, resetMeter }: XsTools,
  run: () => void,
  prepare = nothing,
  standIns?: StandIns,
): Total {
  gc();
  const collections = counter(Counter.COLLECTIONS);
  let computrons = 0;
  let slots = 0;
  let chunks = 0;
  standIns?.reset();
  for (let i = 0; i < TIMES; i += 1) {
    standIns?.hold();
    prepare();
    standIns?.go();
    const slotsBefore = counter(Counter.SLOTS);
    const chunksBefore = counter(Counter.CHUNKS);
    resetMeter(0, 0);
    run();
    computrons += resetMeter(0, 0);
    slots += counter(Counter.SLOTS) - slotsBefore;
    chunks += counter(Counter.CHUNKS) - chunksBefore;
  }
  if (counter(Counter.COLLECTIONS) !== collections) throw new Error("garbage was collected meanwhile");
  return { computrons, slots, chunks };
}
