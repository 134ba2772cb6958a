// SPDX-License-Identifier: MIT
/** Times the operations on Node, in a process of its own: prints one line of JSON. Needs --expose-gc. */
import { text } from "../hosts/node/text";
import type { Operations } from "./inside/measure";
import { operations as mqttPacket } from "./inside/mqtt-packet";
import { operations as ours } from "./inside/ours";
import type { NodeCost } from "./node";

const ROUNDS = 9;
const TIMES = 20_000;
const FEW = 1_000;

function measure(operations: Operations): Record<string, NodeCost> {
  const costs: Record<string, NodeCost> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const times: number[] = [];
    // The first rounds warm up; the median does not see them.
    for (let round = 0; round < ROUNDS; round += 1) times.push(time(operation));
    times.sort((a, b) => a - b);
    costs[name] = { nanoseconds: times[ROUNDS >> 1] as number, bytes: allocated(operation) };
  }
  return costs;
}

function time(operation: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < TIMES; i += 1) operation();
  return Number(process.hrtime.bigint() - start) / TIMES;
}

/** No garbage is collected meanwhile: the young generation is large, and it was empty. */
function allocated(operation: () => void): number {
  globalThis.gc?.();
  const before = used();
  for (let i = 0; i < FEW; i += 1) operation();
  return Math.max(0, used() - before) / FEW;
}

function used(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

console.log(JSON.stringify({ ours: measure(ours(text)), mqttPacket: measure(mqttPacket()) }));
