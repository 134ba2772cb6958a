// SPDX-License-Identifier: MIT
/** What can go wrong, by kind: how it is drawn, and what it does to a device's world. */
import { STEPS, type Step, type Trouble } from "../cloud/account";
import type { Random } from "../random";
import { HUBS, type Unit } from "./unit";

/** One fault of a script. */
export interface Fault {
  /** Names it among the device's: what is left out of a replay goes by it. */
  readonly number: number;
  /** Ticks. */
  readonly at: number;
  readonly kind: FaultKind;
  /** Milliseconds; 0 for what happens at once. */
  readonly duration: number;
  readonly value: number;
  /** It waits for this step after `at`. */
  readonly step: Step | undefined;
}

interface Kind {
  /** How often, beside the others. */
  readonly weight: number;
  /** Milliseconds, from and to. */
  readonly lasts?: readonly [number, number];
  readonly value?: (random: Random) => number;
  /** It may wait for a step. */
  readonly waits?: boolean;
  apply(unit: Unit, value: number, until: number): void;
}

const SHORT = [1_000, 120_000] as const;
const LONG = [10_000, 7_200_000] as const;

/** Something of the services, for a while. */
function trouble(
  name: Trouble,
  weight: number,
  lasts: readonly [number, number],
  value?: Kind["value"],
): Kind {
  return {
    weight,
    lasts,
    ...(value && { value }),
    apply: (unit, number, until) => unit.account.begin(name, number, until),
  };
}

/** Something of the unit's, for a while. */
function during(
  weight: number,
  lasts: readonly [number, number],
  begin: (unit: Unit, value: number) => void,
  end: (unit: Unit) => void,
  value?: Kind["value"],
): Kind {
  return {
    weight,
    lasts,
    ...(value && { value }),
    apply: (unit, number, until) => {
      begin(unit, number);
      unit.later(until - unit.now, () => end(unit));
    },
  };
}

/** What is on for a while, where it is there. */
function switched<K extends string>(
  weight: number,
  lasts: readonly [number, number],
  of: (unit: Unit) => { [key in K]: boolean } | undefined,
  key: K,
): Kind {
  const set = (unit: Unit, value: boolean) => {
    const holder: { [key in K]: boolean } | undefined = of(unit);
    if (holder) holder[key] = value as { [key in K]: boolean }[K];
  };
  return during(
    weight,
    lasts,
    (unit) => set(unit, true),
    (unit) => set(unit, false),
  );
}

/** At once, or at a step of the life. */
function event(weight: number, apply: Kind["apply"], value?: Kind["value"], waits = true): Kind {
  return { weight, waits, apply, ...(value && { value }) };
}

/** Bytes that are no MQTT, or that a server must not send. */
const GARBAGE: readonly Buffer[] = Object.freeze([
  Buffer.of(0x00, 0x00),
  Buffer.of(0xf0, 0x00),
  Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01),
  Buffer.of(0x20, 0x02, 0x00, 0x00),
  Buffer.of(0x90, 0x03, 0xff, 0xfe, 0x01),
  Buffer.of(0x36, 0x03, 0x00, 0x01, 0x61),
  Buffer.of(0x40, 0x03, 0x00, 0x01, 0x00),
  Buffer.of(0x30, 0x04, 0x00, 0x02, 0xc3, 0x28),
  Buffer.of(0x10, 0x00),
  Buffer.of(0x32, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00),
]);

function links(unit: Unit): Unit["network"]["links"] {
  return unit.network.links;
}

export const KINDS = Object.freeze({
  // The network.
  reset: event(10, (unit) => {
    for (const link of links(unit)) link.break("connection-lost", "reset");
  }),
  "reset after so many bytes sent": event(
    8,
    (unit, value) => {
      unit.network.cutUp = value;
      for (const link of links(unit)) link.cutUp = value;
    },
    (random) => random.spread(1, 3_000),
  ),
  "reset after so many bytes received": event(
    8,
    (unit, value) => {
      unit.network.cutDown = value;
      for (const link of links(unit)) link.cutDown = value;
    },
    (random) => random.spread(1, 1_000),
  ),
  "reset, server not told": event(5, (unit) => {
    for (const link of links(unit)) link.break("connection-lost", "reset", true);
  }),
  "half open": event(6, (unit) => {
    for (const link of links(unit)) link.lost = true;
  }),
  stall: event(
    8,
    (unit, value) => {
      for (const link of links(unit)) link.stalledUntil = unit.now + value;
    },
    (random) => random.spread(500, 120_000),
  ),
  "damaged in TLS": event(5, (unit) => {
    for (const link of links(unit)) link.break("tls-failed", "bad record MAC");
  }),
  "bytes that are no MQTT": event(
    6,
    (unit, value) => unit.home?.current?.garbage(GARBAGE[value] as Buffer),
    (random) => random.below(GARBAGE.length),
  ),
  "another connection of the same device": event(4, (unit) => unit.home?.current?.drop("another connection")),
  slow: during(
    5,
    LONG,
    (unit, value) => Object.assign(unit.conditions, { latency: value, jitter: value }),
    (unit) => Object.assign(unit.conditions, { latency: 30, jitter: 40 }),
    (random) => random.spread(100, 8_000),
  ),
  "cut into pieces": switched(4, LONG, (unit) => unit.conditions, "shredded"),
  "network down": during(
    5,
    SHORT,
    (unit) => {
      unit.conditions.down = true;
      unit.isUp = false;
    },
    (unit) => {
      unit.conditions.down = false;
      unit.isUp = true;
    },
  ),
  "network down, not noticed": switched(5, SHORT, (unit) => unit.conditions, "down"),
  "hub not in DNS": trouble("hub-gone", 4, LONG),
  "DPS not in DNS": trouble("dps-gone", 3, LONG),
  "TCP refused": trouble("refused", 4, SHORT),
  "TLS not trusted": trouble("untrusted", 3, SHORT),
  // DPS.
  "DPS 429": trouble("dps-throttled", 5, LONG, (random) => (random.chance(0.2) ? 0 : random.spread(1, 600))),
  "DPS 5xx": trouble("dps-server-error", 4, LONG, (random) => random.spread(1, 120)),
  "DPS wrong answer": trouble("dps-malformed", 4, SHORT, (random) => random.below(100)),
  "DPS silent": trouble("dps-silent", 4, SHORT),
  "DPS assigning without end": trouble("dps-slow", 4, LONG),
  "DPS forgets operations": trouble("dps-forgetful", 3, SHORT),
  "DPS 401": trouble("dps-unauthorized", 2, LONG),
  "DPS failed": trouble("dps-failed", 2, LONG),
  "enrollment disabled": trouble("dps-disabled", 3, LONG),
  "DPS CONNACK": trouble("dps-connack", 2, LONG, (random) => random.between(1, 5)),
  // The hub.
  "hub CONNACK": trouble("hub-connack", 5, LONG, (random) => random.between(1, 5)),
  "identity disabled": during(
    4,
    LONG,
    (unit) => {
      unit.account.disabled = true;
      unit.home?.current?.drop("disabled");
    },
    (unit) => {
      unit.account.disabled = false;
    },
  ),
  "moved to another hub": event(
    5,
    (unit, value) => {
      unit.account.remove(true);
      unit.account.hub = HUBS[value] as string;
      unit.home?.current?.drop("moved");
    },
    (random) => random.below(HUBS.length),
  ),
  "identity deleted": event(3, (unit) => {
    unit.account.remove(false);
    unit.home?.current?.drop("deleted");
  }),
  "DPS prefers another hub": event(
    3,
    (unit, value) => {
      unit.account.hub = HUBS[value] as string;
    },
    (random) => random.below(HUBS.length),
    false,
  ),
  "no PUBACK": trouble("hub-no-puback", 5, SHORT),
  "no SUBACK": trouble("hub-no-suback", 3, SHORT),
  "SUBACK refused": trouble("hub-suback-refused", 2, SHORT),
  "no PINGRESP": trouble("hub-no-pingresp", 3, LONG),
  "twin refused": trouble("hub-twin", 4, LONG, (random) => random.pick([0, 429, 500, 503])),
  "hub flaps": trouble("hub-flaps", 3, LONG, (random) => random.spread(50, 60_000)),
  "hub repeats": trouble("hub-repeats", 4, LONG),
  // Flash.
  "flash refuses": switched(4, LONG, (unit) => unit.flash, "refuses"),
  "power cut in a write": event(
    5,
    (unit) => {
      unit.flash.tearsNext = true;
    },
    undefined,
    false,
  ),
  "a bit flips": event(4, (unit) => unit.flash.flip(), undefined, false),
  "page not readable": during(
    4,
    LONG,
    (unit, value) => {
      unit.flash.unreadable = `assignment${value}`;
    },
    (unit) => {
      unit.flash.unreadable = undefined;
    },
    (random) => random.below(3),
  ),
  "flash wiped": event(
    1,
    (unit) => {
      unit.flash.values.clear();
      unit.flash.isDamaged = true;
    },
    undefined,
    false,
  ),
  // Power and time.
  "power cut": event(
    10,
    (unit, value) => {
      unit.cutPower(value % 2 === 0);
      unit.later(value, () => unit.boot());
    },
    (random) => random.spread(500, 600_000),
  ),
  restart: event(
    5,
    (unit, value) => {
      unit.close();
      unit.later(value, () => unit.boot());
    },
    (random) => random.spread(500, 60_000),
  ),
  "clock set": event(
    5,
    (unit, value) => unit.setClock(value),
    (random) => (random.chance(0.5) ? 1 : -1) * random.spread(1_000, 3 * 365 * 86_400_000),
    false,
  ),
  "clock set right": event(4, (unit) => unit.setClock(0), undefined, false),
  // The application.
  burst: event(
    5,
    (unit, value) => {
      for (let i = 0; i < value; i += 1) unit.application?.send();
    },
    (random) => random.spread(5, 150),
  ),
  "handlers throw": switched(3, LONG, (unit) => unit.application, "throws"),
  reprovision: event(2, (unit) => unit.application?.reprovision()),
  forget: event(2, (unit) => unit.application?.forget()),
} satisfies Record<string, Kind>);

export type FaultKind = keyof typeof KINDS;

const NAMES = Object.keys(KINDS) as FaultKind[];
const WEIGHT = NAMES.reduce((sum, name) => sum + KINDS[name].weight, 0);

function drawKind(random: Random): FaultKind {
  let left = random.next() * WEIGHT;
  for (const name of NAMES) {
    left -= KINDS[name].weight;
    if (left < 0) return name;
  }
  return NAMES[0] as FaultKind;
}

/** The faults of a device from `start` on, ticks; in some times few, in others many, and some at once. */
export function drawFaults(random: Random, start: number, length: number): Fault[] {
  const between = random.spread(60_000, 3_600_000);
  const faults: Fault[] = [];
  for (let at = start; faults.length < 500; ) {
    // Troubles come in company.
    at += random.chance(0.2) ? random.below(2_000) : Math.ceil(-Math.log(1 - random.next()) * between);
    if (at >= start + length) break;
    const kind = drawKind(random);
    const { lasts, value, waits } = KINDS[kind] as Kind;
    faults.push({
      number: faults.length,
      at,
      kind,
      duration: lasts ? random.spread(...lasts) : 0,
      value: value?.(random) ?? 0,
      step: waits && random.chance(0.6) ? random.pick(STEPS) : undefined,
    });
  }
  return faults;
}

/** Lets it happen, now or at its step. @param onApplied when it does */
export function applyFault(unit: Unit, fault: Fault, end: number, onApplied: () => void): void {
  const { kind, step, duration, value } = fault;
  const apply = (): void => {
    unit.trace.add(unit.now, "FAULT", describe(fault));
    onApplied();
    (KINDS[kind] as Kind).apply(unit, value, Math.min(unit.now + duration, end));
  };
  if (step === undefined) apply();
  else unit.arm(step, end, () => unit.now < end && apply());
}

/** In words, for traces. */
export function describe({ kind, step, duration, value }: Fault): string {
  const { lasts, value: hasValue } = KINDS[kind] as Kind;
  const parts = [kind as string];
  if (hasValue) parts.push(`(${value})`);
  if (lasts) parts.push(`for ${Math.round(duration / 1000)} s`);
  if (step !== undefined) parts.push(`at ${step}`);
  return parts.join(" ");
}
