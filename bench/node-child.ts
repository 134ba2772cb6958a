// SPDX-License-Identifier: MIT
/** Times the operations on Node, in a process of its own: prints one line of JSON. Needs --expose-gc. */
import { text } from "../hosts/node/text";
import { operations as mqttPacket } from "./inside/mqtt-packet";
import { operations as ours } from "./inside/ours";
import type { NodeCost } from "./node";
import { mqttJs, ours as session } from "./node-clients";

const ROUNDS = 9;
const TIMES = 20_000;
const FEW = 1_000;
/** A whole client takes longer. */
const MESSAGES = 5_000;

type Work = (times: number) => Promise<void> | void;

/**
 * Ours and the peer's in turn, so that what else the computer does meets both. The first rounds warm up; the median
 * does not see them.
 */
async function measure(
  works: Readonly<Record<string, Work>>,
  times: number,
): Promise<Record<string, NodeCost>> {
  const rounds: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, work] of Object.entries(works)) {
      rounds[name] ??= [];
      rounds[name].push(await time(work, times));
    }
  }
  const costs: Record<string, NodeCost> = {};
  for (const [name, work] of Object.entries(works)) {
    const sorted = (rounds[name] ?? []).sort((a, b) => a - b);
    costs[name] = { nanoseconds: sorted[ROUNDS >> 1] as number, bytes: await allocated(work) };
  }
  return costs;
}

async function time(work: Work, times: number): Promise<number> {
  const start = process.hrtime.bigint();
  await work(times);
  return Number(process.hrtime.bigint() - start) / times;
}

/** No garbage is collected meanwhile: the young generation is large, and it was empty. */
async function allocated(work: Work): Promise<number> {
  globalThis.gc?.();
  const before = used();
  await work(FEW);
  return Math.max(0, used() - before) / FEW;
}

function used(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function repeated(operation: () => void): Work {
  return (times) => {
    for (let i = 0; i < times; i += 1) operation();
  };
}

const figures: { ours: Record<string, NodeCost>; mqttPacket: Record<string, NodeCost> } = {
  ours: {},
  mqttPacket: {},
};
const theirs = mqttPacket();
for (const [name, operation] of Object.entries(ours(text))) {
  const peer = theirs[name];
  const costs = await measure(
    { ours: repeated(operation), ...(peer && { mqttPacket: repeated(peer) }) },
    TIMES,
  );
  figures.ours[name] = costs.ours as NodeCost;
  if (costs.mqttPacket) figures.mqttPacket[name] = costs.mqttPacket;
}
const [client, peer] = [await session(), await mqttJs()];
const message = await measure(
  { session: (times) => client.publish(times), mqttJs: (times) => peer.publish(times) },
  MESSAGES,
);
for (const { close } of [client, peer]) close();
console.log(JSON.stringify({ ...figures, message }));
