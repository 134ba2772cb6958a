// SPDX-License-Identifier: MIT
/** What happens to a fleet. */
import { Random } from "../random";
import { type FleetDevice, type FleetWorld, HUBS } from "./world";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Devices that run before the event have come in this time. */
const SETTLING = 10 * MINUTE;

export interface Scenario {
  readonly title: string;
  readonly about: string;
  /** Virtual time after which it is over though not all are back. */
  readonly longest: number;
  /** It goes on for so long though all are back. */
  readonly least: number;
  /** Ticks of the event. */
  readonly event: number;
  /** Before the first tick. */
  prepare(world: FleetWorld, devices: readonly FleetDevice[]): void;
}

/** All get power within `spread` milliseconds. */
function power(world: FleetWorld, devices: readonly FleetDevice[], spread: number): void {
  const random = new Random(world.seed, 1 << 30);
  for (const device of devices) world.time.set(() => device.boot(), random.below(spread));
}

/** All have been assigned to the first hub before. */
function assigned(world: FleetWorld, devices: readonly FleetDevice[]): void {
  devices.forEach((device, index) => {
    world.assign(index);
    device.know(HUBS[0]);
  });
}

/** All are connected when the event comes. */
function running(world: FleetWorld, devices: readonly FleetDevice[]): void {
  assigned(world, devices);
  for (const hub of world.hubs) hub.isOpen = true;
  world.dps.isOpen = true;
  power(world, devices, SETTLING - MINUTE);
}

function afterwards(world: FleetWorld, event: () => void): void {
  world.time.set(() => {
    for (const hub of world.hubs) hub.isOpen = false;
    world.dps.isOpen = false;
    event();
  }, SETTLING);
}

export const SCENARIOS = Object.freeze({
  "cold-start": {
    title: "Cold start of a factory batch",
    about: "Devices without an assignment get power within 10 seconds.",
    event: 0,
    least: 0,
    longest: 24 * HOUR,
    prepare(world, devices) {
      power(world, devices, 10_000);
    },
  },
  "power-back": {
    title: "Power back after an outage",
    about: "Devices with an assignment get power within 10 seconds.",
    event: 0,
    least: 0,
    longest: 24 * HOUR,
    prepare(world, devices) {
      assigned(world, devices);
      power(world, devices, 10_000);
    },
  },
  "hub-failover": {
    title: "Hub failover",
    about:
      "All are connected. The hub's region fails: connections end, nobody answers there any more. DPS names another hub.",
    event: SETTLING,
    least: 0,
    longest: 48 * HOUR,
    prepare(world, devices) {
      running(world, devices);
      afterwards(world, () => {
        world.target = 1;
        world.hubs[0].dropAll();
        world.hubs[0].isGone = true;
      });
    },
  },
  "dps-throttled": {
    title: "DPS throttled",
    about:
      "All are moved to another hub: the old one ends connections and refuses them. For the first 30 minutes DPS answers 429 to everybody, with 30 s as retry-after, then within its quota.",
    event: SETTLING,
    least: 0,
    longest: 48 * HOUR,
    prepare(world, devices) {
      running(world, devices);
      afterwards(world, () => {
        world.target = 1;
        world.dps.busyUntil = world.now + 30 * MINUTE;
        world.dps.busyAfter = 30;
        world.moveAll();
        world.hubs[0].dropAll();
      });
    },
  },
  "root-rotation": {
    title: "Root rotation",
    about:
      "All are connected. The hub gets a certificate under another root, which devices trust: all connections end at once.",
    event: SETTLING,
    least: 0,
    longest: 24 * HOUR,
    prepare(world, devices) {
      running(world, devices);
      afterwards(world, () => world.hubs[0].dropAll());
    },
  },
  "token-renewals": {
    title: "Token renewals of a day",
    about:
      "Power comes back as in power-back; then a day passes, in which each device renews its token again and again.",
    event: 0,
    least: 24 * HOUR,
    longest: 24 * HOUR,
    prepare(world, devices) {
      assigned(world, devices);
      power(world, devices, 10_000);
    },
  },
} satisfies Record<string, Scenario>);

export type ScenarioName = keyof typeof SCENARIOS;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];
