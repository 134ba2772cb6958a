// SPDX-License-Identifier: MIT
/** The parts of a fleet's world that others rely on. */
import { describe, expect, test } from "@jest/globals";
import { Recorder, Series } from "../../../simulator/fleet/figures";
import { mostDevices } from "../../../simulator/fleet/fleet";
import { Quota } from "../../../simulator/fleet/quota";
import { page } from "../../../simulator/fleet/report/html";
import { plots } from "../../../simulator/fleet/report/plot";
import { type FleetReport, rows, time, whole } from "../../../simulator/fleet/report/report";
import { run } from "../../../simulator/fleet/run";
import { TIERS } from "../../../simulator/fleet/tiers";
import { Random } from "../../../simulator/random";

describe("a quota", () => {
  test("never lets more through in any time of its length, and tells when the next one can come", () => {
    const quota = new Quota(3, 1_000);
    const random = new Random(5);
    const taken: number[] = [];
    for (let now = 0; now < 60_000; now += random.below(200)) {
      const wait = quota.take(now);
      if (wait === 0) taken.push(now);
      else expect(wait).toBe((taken.at(-3) as number) + 1_000 - now);
    }
    expect(taken.length).toBeGreaterThan(150);
    for (let i = 3; i < taken.length; i += 1) {
      expect((taken[i] as number) - (taken[i - 3] as number)).toBeGreaterThanOrEqual(1_000);
    }
  });

  test("has a line: one after another at its rate", () => {
    const quota = new Quota(2, 1_000);
    expect(Array.from({ length: 6 }, () => quota.queue(500))).toEqual([0, 0, 1_000, 1_000, 2_000, 2_000]);
    expect([quota.wait(500), quota.wait(9_000)]).toEqual([3_000, 0]);
  });

  test.each([
    ["S1", 1, 100],
    ["S1", 9, 108],
    ["S2", 2, 240],
    ["S3", 1, 6_000],
  ] as const)("of %s with %d units: %d connections a second", (tier, units, expected) => {
    expect(TIERS[tier](units)).toBe(expected);
  });
});

describe("figures", () => {
  test("a series grows, sums up, and has peaks of its parts", () => {
    const series = new Series();
    series.add(1, 5);
    series.add(3);
    series.add(10_000, 2);
    expect([series.total, series.length, series.most(), series.most(4)]).toEqual([8, 10_001, 5, 6]);
    expect(series.peaks(2, 4)).toEqual([5, 1]);
    expect(series.sums(4, 4)).toEqual([0, 5, 5, 6]);
  });

  test("the time until so many are back counts each once, from the event on", () => {
    const recorder = new Recorder(4);
    recorder.came(0, 100);
    recorder.left(200);
    recorder.begin(1_000);
    recorder.came(0, 2_000);
    recorder.left(2_500);
    recorder.came(0, 9_000);
    recorder.came(1, 4_000);
    const { back, secondsUntil, totals } = recorder.figures(11_000, false);
    expect({ back, secondsUntil }).toEqual({ back: 2, secondsUntil: { "50": 3, "99": null, "100": null } });
    expect([totals.connections, totals.left]).toEqual([3, 1]);
  });
});

test("more devices fit more memory, and none fit none", () => {
  expect([mostDevices(0), mostDevices(1e9) < mostDevices(2e9)]).toEqual([0, true]);
  // What the issue asks for fits a computer of 8 GB.
  expect(mostDevices(8e9)).toBeGreaterThan(100_000);
});

describe("a report", () => {
  const quotas = { hub: 5, registrations: 30 };
  const options = { scenario: "cold-start", devices: 40, seed: 3, quotas } as const;
  const report: FleetReport = {
    ...options,
    hub: { tier: "S1", units: 1 },
    agent: {},
    rules: {
      berth: run({ ...options, rules: "berth" }),
      "azure-sdk-for-c": run({ ...options, rules: "azure-sdk-for-c" }, ({ seconds }) => seconds < 5),
    },
  };

  test("has a row a figure, and says what was interrupted", () => {
    const [head, ...body] = rows(report);
    expect(head).toEqual(["", "berth", "SDK for C"]);
    expect(body.find(([name]) => name === "registrations")?.[1]).toBe("40");
    expect(body.at(-1)).toEqual(["devices that are back", "40", expect.stringContaining("interrupted")]);
  });

  test("is a page that loads nothing, with the plots in it", () => {
    const html = page(report, "berth fleet --scenario <b>");
    expect(html).toContain(plots(report));
    expect(html).toContain("&#60;b&#62;");
    expect(html.replace("http://www.w3.org/2000/svg", "")).not.toMatch(
      /https?:|<script|<link|NaN|undefined|Infinity/,
    );
  });

  test.each([
    [null, "never"],
    [4.25, "4.3 s"],
    [90, "90 s"],
    [600, "10.0 min"],
    [86_400, "24.0 h"],
  ] as const)("%p seconds are %s", (seconds, expected) => {
    expect(time(seconds)).toBe(expected);
  });

  test("numbers have commas", () => {
    expect([whole(999), whole(1_000), whole(1_234_567)]).toEqual(["999", "1,000", "1,234,567"]);
  });
});
