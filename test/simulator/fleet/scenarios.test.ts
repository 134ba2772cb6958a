// SPDX-License-Identifier: MIT
/** Small fleets through each scenario: what must hold whatever the rules, and our own rules beside those of other SDKs. */
import { describe, expect, test } from "@jest/globals";
import type { Figures } from "../../../simulator/fleet/figures";
import { RULES, type Rules } from "../../../simulator/fleet/rules";
import { type RunOptions, run } from "../../../simulator/fleet/run";
import { SCENARIO_NAMES, type ScenarioName } from "../../../simulator/fleet/scenarios";

/** Devices for each registration a minute that DPS takes. */
const CROWD = 5;
const REGISTRATIONS = 30;
const DEVICES = CROWD * REGISTRATIONS;
const QUOTAS = { hub: 4, registrations: REGISTRATIONS };
/** What a device of ours may cost in handshakes, those of its normal way included. */
const MOST_HANDSHAKES: Readonly<Partial<Record<ScenarioName, number>>> = {
  "cold-start": 3,
  "dps-throttled": 20,
  "hub-failover": 8,
};
/** The longest that a device that was told a time waits above it, so that a fleet does not come back in one moment; seconds. */
const JITTER = 50;
const seed = Number(process.env.BERTH_SEED ?? 1);

function fleet(scenario: ScenarioName, rules: Rules, more: Partial<RunOptions> = {}): Figures {
  // A day of tokens needs few devices.
  const devices = scenario === "token-renewals" ? 8 : DEVICES;
  const quotas = scenario === "token-renewals" ? { ...QUOTAS, hub: 1 } : QUOTAS;
  return run({ scenario, rules, devices, seed, quotas, ...more });
}

describe.each(SCENARIO_NAMES)("%s", (scenario) => {
  const found = new Map<Rules, Figures>(RULES.map((rules) => [rules, fleet(scenario, rules)]));
  const figuresOf = (rules: Rules): Figures => found.get(rules) as Figures;

  test.each(RULES)("%s: all are back, within the quotas", (rules) => {
    const { back, devices, peaks, faults, secondsUntil } = figuresOf(rules);
    expect({ back, faults }).toEqual({ back: devices, faults: [] });
    expect(peaks.connections).toBeLessThanOrEqual(QUOTAS.hub);
    expect(peaks.registrationsInMinute).toBeLessThanOrEqual(QUOTAS.registrations);
    expect(secondsUntil["100"]).toBeGreaterThanOrEqual(secondsUntil["50"] as number);
  });

  test("our rules: 99 % are back no later than with others', but for the jitter, and ask no oftener", () => {
    const { secondsUntil, totals, devices } = figuresOf("berth");
    expect(totals.handshakes / devices).toBeLessThanOrEqual(MOST_HANDSHAKES[scenario] ?? 200);
    for (const rules of RULES.slice(1)) {
      const other = figuresOf(rules);
      expect(secondsUntil["99"]).toBeLessThanOrEqual((other.secondsUntil["99"] as number) * 1.1 + JITTER);
      expect(totals.throttled).toBeLessThanOrEqual(other.totals.throttled);
    }
  });
});

test("a seed repeats a run, and another one does not", () => {
  const first = JSON.stringify(fleet("cold-start", "berth"));
  expect(JSON.stringify(fleet("cold-start", "berth"))).toBe(first);
  expect(JSON.stringify(fleet("cold-start", "berth", { seed: seed + 1 }))).not.toBe(first);
});

test("a start spread over what DPS takes: hardly a 429", () => {
  const startSpread = CROWD * 60_000 * 1.2;
  const spread = fleet("cold-start", "berth", { agent: { startSpread } });
  expect(spread.back).toBe(DEVICES);
  expect(spread.totals.throttled).toBeLessThan(fleet("cold-start", "berth").totals.throttled / 10);
});

test("tokens of a fleet that started in one second are not renewed in one second", () => {
  const quotas = { hub: 10_000, registrations: 10_000 };
  const size = 40;
  const { peaks, totals } = run({ scenario: "token-renewals", rules: "berth", devices: size, seed, quotas });
  // 24 hours of tokens that live for one: each is renewed after three quarters of it at the earliest.
  expect(totals.connections).toBeGreaterThan(size * 24);
  expect(totals.connections).toBeLessThan(size * 33);
  // In the first seconds all start, within ten; 360 seconds are what renewals are spread over.
  expect(peaks.connections).toBeLessThan(size / 3);
});

test("a run that is ended has the figures so far", () => {
  const { interrupted, back, seconds } = run(
    { scenario: "cold-start", rules: "berth", devices: DEVICES, seed, quotas: QUOTAS },
    ({ seconds }) => seconds < 30,
  );
  expect({ interrupted, seconds }).toEqual({ interrupted: true, seconds: 30 });
  expect(back).toBeLessThan(DEVICES);
});
