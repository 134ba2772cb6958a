// SPDX-License-Identifier: MIT
/**
 * Takes the power away from an emulated chip at random moments around the writes of its assignment, and looks whether it
 * comes back each time: by the assignment that is stored, or by a new one, and always as who it is.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChipCloud } from "./chip-cloud";
import { type LifeOptions, live, untilAcknowledged } from "./life";

export interface CutOptions extends Omit<LifeOptions, "onLine"> {
  readonly cloud: ChipCloud;
  readonly cuts: number;
  readonly seed: number;
  /** Keeps the flash of what failed. */
  readonly directory: string;
  readonly print: (row: string) => void;
}

/** What is cut: the first start, one from the stored assignment, one whose hub refuses, so that DPS names another. */
const SCENES = ["first start", "restart", "renewal"] as const;
type Scene = (typeof SCENES)[number];

/** Milliseconds after DPS has answered: half of the cuts fall while it is written, the others until all is connected. */
const WRITING = 120;
const CONNECTING = 4_000;

interface Outcome {
  readonly scene: Scene;
  /** Of the life after the cut: `stored`, `dps`, or why it is none. */
  readonly came: string;
}

/** @returns 0 when the chip came back each time, 130 after an interruption, else 1 */
export async function cutPower(options: CutOptions): Promise<number> {
  const { cuts, seed, print, flash, cloud, directory, signal } = options;
  const random = numbersFrom(seed);
  const factory = readFileSync(flash);
  const outcomes: Outcome[] = [];
  let known = false;
  print(`${cuts} power cuts, seed ${seed}`);
  for (let i = 1; i <= cuts && !signal?.aborted; i += 1) {
    const scene = known ? (SCENES[Math.floor(random() * SCENES.length)] as Scene) : SCENES[0];
    if (scene === "first start") writeFileSync(flash, factory);
    const wait = random() * (random() < 0.5 ? WRITING : CONNECTING);
    const cut = await liveUntilCut(options, scene, wait);
    const back = cut === undefined ? await comeBack(options) : cut;
    known = back === "stored" || back === "dps";
    if (scene === "restart" && back === "dps") known = false;
    outcomes.push({ scene, came: known ? back : `lost: ${back}` });
    print(`cut ${i}  ${scene.padEnd(11)}  ${wait.toFixed(0).padStart(5)} ms  ${outcomes.at(-1)?.came}`);
    if (!known) copyFileSync(flash, join(directory, `lost-${seed}-${i}.bin`));
  }
  for (const scene of SCENES) {
    const of = outcomes.filter((outcome) => outcome.scene === scene);
    const count = (came: string) => of.filter((outcome) => outcome.came === came).length;
    print(`${scene}: ${of.length} cuts, ${count("stored")} back by what was stored, ${count("dps")} by DPS`);
  }
  const lost = outcomes.filter(({ came }) => came.startsWith("lost"));
  print(
    `${outcomes.length} power cuts, ${lost.length} lost; seed ${seed}; ${cloud.acknowledged} messages acknowledged`,
  );
  if (signal?.aborted) return 130;
  return lost.length === 0 ? 0 : 1;
}

/** @returns undefined, or why there was nothing to cut */
async function liveUntilCut(options: CutOptions, scene: Scene, wait: number): Promise<string | undefined> {
  const { cloud } = options;
  const { events, faults } = cloud.emulator;
  const heal =
    scene === "renewal"
      ? faults.add({ step: "connack", action: "returnCode", returnCode: 5, count: 1 })
      : undefined;
  let timer: NodeJS.Timeout | undefined;
  let trigger = () => {};
  // The stored assignment is read, not written: that start is cut from its own first word on.
  const words = (line: string) => {
    if (scene === "restart" && line.endsWith("connecting")) trigger();
  };
  const assigned = () => trigger();
  events.on("assigned", assigned);
  try {
    const end = await live({ ...options, onLine: words }, (done) => {
      trigger = () => {
        timer ??= setTimeout(done, wait);
      };
    });
    return end === "done" ? undefined : `before the cut: ${end}`;
  } finally {
    clearTimeout(timer);
    events.off("assigned", assigned);
    heal?.();
  }
}

/** @returns where its assignment was from, or why it did not come back */
async function comeBack(options: CutOptions): Promise<string> {
  const lines: string[] = [];
  const end = await live(
    { ...options, onLine: (line) => lines.push(line) },
    untilAcknowledged(options.cloud, 1),
  );
  const [, source] = /, assignment (\w+)$/m.exec(lines.join("\n")) ?? [];
  if (end === "done" && source !== undefined) return source;
  return `${end}: ${lines.slice(-3).join(" | ")}`;
}

/** Numbers from 0 to 1, always the same of the same seed (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
