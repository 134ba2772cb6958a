// SPDX-License-Identifier: MIT
/** A scenario under all rules: what `--json` writes, and the table that people read. */
import type { Figures } from "../figures";
import { RULES, type Rules } from "../rules";
import type { FleetAgentOptions } from "../run";
import { SCENARIOS, type ScenarioName } from "../scenarios";
import type { Quotas, Tier } from "../tiers";

export interface FleetReport {
  readonly scenario: ScenarioName;
  readonly devices: number;
  readonly seed: number;
  readonly hub: { readonly tier: Tier; readonly units: number };
  readonly quotas: Quotas;
  /** Options of the agents that are not the default; milliseconds. */
  readonly agent: FleetAgentOptions;
  readonly rules: Readonly<Partial<Record<Rules, Figures>>>;
}

export type Row = readonly [name: string, ...values: string[]];

const NAMES = {
  berth: "berth",
  "azure-iot-sdk-node": "Node.js SDK",
  "azure-sdk-for-c": "SDK for C",
} as const;

/** Rules of the report, in their order, with names for people. */
export function rulesOf({ rules }: FleetReport): { readonly name: string; readonly figures: Figures }[] {
  return RULES.flatMap((one) => {
    const figures = rules[one];
    return figures ? [{ name: NAMES[one], figures }] : [];
  });
}

export function heading({ scenario, devices, seed, hub, quotas }: FleetReport): string {
  return (
    `${whole(devices)} devices, ${hub.tier} with ${hub.units} ${hub.units === 1 ? "unit" : "units"} ` +
    `(${whole(quotas.hub)} connections a second), DPS ${whole(quotas.registrations)} registrations a minute, seed ${seed}. ` +
    SCENARIOS[scenario].about
  );
}

/** The first row has the names of the rules. */
export function rows(report: FleetReport): Row[] {
  const all = rulesOf(report);
  const row = (name: string, of: (figures: Figures) => string): Row => [
    name,
    ...all.map(({ figures }) => of(figures)),
  ];
  const each = (count: number, devices: number): string => (count / devices).toFixed(2);
  return [
    ["", ...all.map(({ name }) => name)],
    row("50 % are back after", ({ secondsUntil }) => time(secondsUntil["50"])),
    row("99 % are back after", ({ secondsUntil }) => time(secondsUntil["99"])),
    row("100 % are back after", ({ secondsUntil }) => time(secondsUntil["100"])),
    row("away, mean of a device", ({ secondsAway }) => time(secondsAway)),
    row("connections tried in a second, at most", ({ peaks }) => whole(peaks.attempts)),
    row("connections accepted in a second, at most", ({ peaks }) => whole(peaks.connections)),
    row("CONNACK 3", ({ totals }) => whole(totals.refused)),
    row("registrations", ({ totals }) => whole(totals.registrations)),
    row("registrations answered by 429", ({ totals }) => whole(totals.throttled)),
    row("429 in a second, at most", ({ peaks }) => whole(peaks.throttled)),
    row("TLS handshakes a device", ({ totals, devices }) => each(totals.handshakes, devices)),
    ...(all.some(({ figures }) => figures.interrupted || figures.back < figures.devices)
      ? [
          row(
            "devices that are back",
            ({ back, interrupted }) => `${whole(back)}${interrupted ? ", interrupted" : ""}`,
          ),
        ]
      : []),
  ];
}

/** Seconds, for people. */
export function time(seconds: number | null): string {
  if (seconds === null) return "never";
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 7_200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}

export function whole(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}
