// SPDX-License-Identifier: MIT
/** One fleet under one set of rules through one scenario. */
import { AgentDevice } from "./agent-device";
import type { Figures } from "./figures";
import { PeerDevice } from "./peer-device";
import { PEERS } from "./peers";
import type { Rules } from "./rules";
import { SCENARIOS, type ScenarioName } from "./scenarios";
import type { Quotas } from "./tiers";
import { FleetWorld } from "./world";

/** Options of the agents; milliseconds. */
export interface FleetAgentOptions {
  readonly startSpread?: number;
  readonly tokenLifetime?: number;
  readonly keepAlive?: number;
}

export interface RunOptions {
  readonly scenario: ScenarioName;
  readonly rules: Rules;
  readonly devices: number;
  readonly seed: number;
  readonly quotas: Quotas;
  readonly agent?: FleetAgentOptions;
}

export interface Progress {
  /** Virtual seconds since the event; below 0 before it. */
  readonly seconds: number;
  readonly back: number;
}

const TOKEN_LIFETIME = 3_600_000;
const KEEP_ALIVE = 240_000;
const SLICE = 1_000;
/** Goes on so long behind the last one that came back. */
const TAIL = 30_000;

/** @param goesOn asked every virtual second; false ends the run with what there is */
export function run(options: RunOptions, goesOn: (progress: Progress) => boolean = () => true): Figures {
  const { devices: size, seed, quotas, rules, agent = {} } = options;
  const scenario = SCENARIOS[options.scenario];
  const { startSpread = 0, tokenLifetime = TOKEN_LIFETIME, keepAlive = KEEP_ALIVE } = agent;
  const own = { startSpread, hub: { tokenLifetime, keepAlive } };
  const world = new FleetWorld({ seed, devices: size, quotas, tokenLifetime });
  const devices = Array.from({ length: size }, (_, index) =>
    rules === "berth" ? new AgentDevice(world, index, own) : new PeerDevice(world, index, PEERS[rules]),
  );
  scenario.prepare(world, devices);
  const { time, recorder } = world;
  // Before anything of the event's own tick.
  if (scenario.event === 0) recorder.begin(0);
  else {
    time.advance(0);
    time.set(() => recorder.begin(scenario.event), scenario.event - 1);
  }
  let end = scenario.event + scenario.longest;
  for (;;) {
    const { now } = world;
    if (recorder.back === size) end = Math.min(end, Math.max(now + TAIL, scenario.event + scenario.least));
    if (now >= end) return recorder.figures(now, false);
    if (!goesOn({ seconds: (now - scenario.event) / 1000, back: recorder.back })) {
      return recorder.figures(Math.max(now, scenario.event), true);
    }
    time.advance(SLICE);
  }
}
