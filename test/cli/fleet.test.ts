// SPDX-License-Identifier: MIT
/** `berth fleet` as a person starts it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { RULES } from "../../simulator/fleet/rules";
import { SCENARIO_NAMES } from "../../simulator/fleet/scenarios";
import { BerthProcess, berth, eventsOf } from "./command";

const directory = mkdtempSync(join(tmpdir(), "berth-test-fleet-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string): string => join(directory, name);
const SMALL = ["--scenario", "cold-start", "--devices", "60", "--registrations", "30"];

test("writes the report as JSON, as a page and as plots, and says how to do the same again", async () => {
  const [json, html, svg] = [file("a.json"), file("a.html"), file("a.svg")];
  const words = ["fleet", ...SMALL, "--seed", "7", "--json", json, "--html", html, "--svg", svg];
  const { status, out, err } = await new BerthProcess(words).ended;
  expect({ status, err }).toEqual({ status: 0, err: "" });
  const report = JSON.parse(readFileSync(json, "utf8"));
  expect(Object.keys(report.rules).sort()).toEqual([...RULES].sort());
  expect(report.rules.berth).toMatchObject({ devices: 60, back: 60, faults: [], interrupted: false });
  expect(readFileSync(html, "utf8")).toContain(readFileSync(svg, "utf8"));
  expect(out).toContain(
    "again: berth fleet --scenario cold-start --devices 60 --seed 7 --tier S2 --units 2 --registrations 30",
  );
});

test("Ctrl-C ends it with the report so far", async () => {
  // A day of a fleet takes longer than it takes to interrupt it.
  const run = new BerthProcess(["fleet", "--scenario", "token-renewals", "--devices", "3000", "--json"]);
  await run.event("started", { devices: 3_000 });
  run.kill("SIGINT");
  const { status, out } = await run.ended;
  expect(status).toBe(130);
  const { rules } = eventsOf(out).at(-1) as unknown as { rules: Record<string, { interrupted: boolean }> };
  for (const figures of Object.values(rules)) expect(figures.interrupted).toBe(true);
});

test.each([
  [["--scenario", "flood"], SCENARIO_NAMES.join(", ")],
  [[], SCENARIO_NAMES.join(", ")],
  [["--scenario", "cold-start", "--seed", "x"], "--seed <number>' argument 'x' is invalid"],
  [["--scenario", "cold-start", "--devices", "0"], "Give a whole number from 1"],
  [
    ["--scenario", "cold-start", "--rules", "berth,mqtt"],
    "Give some of berth,azure-iot-sdk-node,azure-sdk-for-c",
  ],
  [["--scenario", "cold-start", "--tier", "S4"], "Allowed choices are S1, S2, S3"],
  [["--scenario", "cold-start", "--keep-alive", "1200"], "--keep-alive: give 1 to 1177 seconds"],
  [["--scenario", "cold-start", "--html", file("none/report.html")], "--html"],
  [["--real", "--scenario", "cold-start"], "cannot be used with"],
  [["--real", "--devices", "1000000"], /enough for about \d+; give fewer/],
] as const)("%j: told before anything starts", async (words, expected) => {
  const { status, err } = await berth("fleet", ...words);
  expect(status).toBe(2);
  expect(err).toMatch(expected);
});

test("real connections: both sides have seen the same", async () => {
  const json = file("real.json");
  const words = ["fleet", "--real", "--devices", "12", "--start-spread", "1", "--json", json];
  const { status } = await new BerthProcess(words).ended;
  expect(status).toBe(0);
  const { deviceSide, emulatorSide } = JSON.parse(readFileSync(json, "utf8"));
  expect(deviceSide).toMatchObject({ connected: 12, acknowledged: 12 });
  expect(emulatorSide).toMatchObject({
    hubConnections: 12,
    registrations: 12,
    assignments: 12,
    telemetry: 12,
  });
});
