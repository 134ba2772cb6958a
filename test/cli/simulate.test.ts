// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { BerthProcess, berth, type Event, eventsOf } from "./command";
import { ENGINES, PROCESS_ENGINES } from "./engines";

// Each provisioning waits the 3 s that DPS asks for.
jest.setTimeout(60_000);

function sandbox(): { directory: string; environment: Record<string, string> } {
  const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  return { directory, environment: { TMPDIR: directory, TMP: directory, TEMP: directory } };
}

/** tsx has a cache of its own there. */
const leftIn = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith("tsx-"));

/** A process that has ended and was waited for is gone. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const named = (events: readonly Event[], name: string) => events.filter(({ event }) => event === name);

describe.each(ENGINES)("on $name", ({ name, test, environment: ofEngine }) => {
  test.each<[string, string[]]>([
    ["symmetric keys", []],
    ["certificates", ["--x509"]],
  ])("two devices with %s live, come back without DPS, and leave nothing behind", async (_what, words) => {
    const { directory, environment } = sandbox();
    try {
      const { status, out, err } = await new BerthProcess(
        ["simulate", "--engine", name, "--devices", "2", "--telemetry", "40", "--json", ...words],
        { ...environment, ...ofEngine },
      ).ended;
      expect(err).toBe("");
      expect(status).toBe(0);
      const events = eventsOf(out);
      expect(named(events, "engine")).toMatchObject([{ engine: name }]);
      expect(named(events, "warning")).toEqual([]);
      expect(named(events, "connected").map(({ source }) => source)).toEqual([
        "dps",
        "dps",
        "stored",
        "stored",
      ]);
      expect(
        named(events, "assigned")
          .map(({ deviceId }) => deviceId)
          .sort(),
      ).toEqual(["device-1", "device-2"]);
      const [summary] = named(events, "summary");
      expect(summary).toMatchObject({ done: true, devices: 2, telemetry: 160, dpsCallsOfSecondStart: 0 });
      const packets = named(events, "packet");
      const total = (of: string) => packets.filter(({ direction }) => direction === of).length;
      const { firstStart, secondStart } = summary as unknown as Record<string, Record<string, number>>;
      expect((firstStart?.packetsSent ?? 0) + (secondStart?.packetsSent ?? 0)).toBe(total("sent"));
      expect((firstStart?.packetsReceived ?? 0) + (secondStart?.packetsReceived ?? 0)).toBe(
        total("received"),
      );
      expect(firstStart?.connections).toBe(4);
      expect(secondStart?.connections).toBe(2);
      expect(packets.filter(({ type }) => type === "?")).toEqual([]);
      expect(out).not.toMatch(/sig=[^*]/);
      expect(out).not.toContain("PRIVATE KEY");
      expect(leftIn(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("for people it is a timeline, and --keep keeps what was stored", async () => {
    const { directory, environment } = sandbox();
    try {
      const { status, out, err } = await new BerthProcess(["simulate", "--keep", "--engine", name], {
        ...environment,
        ...ofEngine,
      }).ended;
      expect({ status, err }).toEqual({ status: 0, err: "" });
      const kept = /^Kept: (.*)$/m.exec(out)?.[1] ?? "";
      expect(existsSync(join(kept, "devices", "device-1"))).toBe(true);
      const steps = [
        ...(name === "node" ? [] : ["Engine: XS"]),
        "First start",
        ...(name === "native" ? ["· TLSv1"] : []),
        "→ DPS            CONNECT",
        "sig=***&",
        "← DPS            CONNACK",
        "$dps/registrations/PUT/iotdps-register/?$rid=",
        "$dps/registrations/res/202/?$rid=",
        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=",
        '"status":"assigned"',
        "→ DPS            DISCONNECT",
        "assigned to hub-",
        "by the assignment of DPS",
        "devices/device-1/messages/events/",
        "DISCONNECT",
        "Second start",
        "by the stored assignment, without DPS",
        "PUBACK",
        "DISCONNECT",
        "Summary",
        "no call to DPS (0)",
      ];
      let at = 0;
      for (const step of steps) {
        const next = out.indexOf(step, at);
        expect({ step, found: next >= at }).toEqual({ step, found: true });
        at = next;
      }
      expect(out).not.toContain("NO ");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("Ctrl-C ends it in order, with its devices, and cleans up", async () => {
    const { directory, environment } = sandbox();
    try {
      const process = new BerthProcess(["simulate", "--json", "--engine", name], {
        ...environment,
        ...ofEngine,
      });
      await process.event("packet", { type: "SUBACK" });
      process.interruptGroup();
      const { status, out } = await process.ended;
      expect(status).toBe(130);
      const events = eventsOf(out);
      expect(named(events, "error")).toEqual([]);
      expect(named(events, "packet").at(-1)).toMatchObject({ type: "DISCONNECT", direction: "sent" });
      for (const { pid } of named(events, "process")) expect(isRunning(Number(pid))).toBe(false);
      expect(leftIn(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe.each(PROCESS_ENGINES)("on $name", ({ name, test, environment: ofEngine }) => {
  test("a device whose process dies makes it fail at once", async () => {
    const { directory, environment } = sandbox();
    try {
      const run = new BerthProcess(["simulate", "--json", "--engine", name], {
        ...environment,
        ...ofEngine,
      });
      const { pid } = await run.event("process");
      process.kill(Number(pid), "SIGKILL");
      const { status, out } = await run.ended;
      expect(status).toBe(1);
      const events = eventsOf(out);
      expect(named(events, "error")).toMatchObject([
        { code: "internal", message: expect.stringContaining("SIGKILL"), final: true },
      ]);
      expect(named(events, "assigned")).toEqual([]);
      expect(leftIn(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

test("more devices than processes are good for are refused", async () => {
  const { status, out, err } = await berth("simulate", "--engine", "native", "--devices", "51");
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toContain("at most 50");
});

test("--eager saves round trips, and all arrives", async () => {
  const { environment } = sandbox();
  const lives = async (...words: string[]) => {
    const { status, out } = await new BerthProcess(["simulate", "--json", ...words], environment).ended;
    expect(status).toBe(0);
    return named(eventsOf(out), "summary")[0] as unknown as Record<
      "firstStart" | "secondStart",
      { roundTrips: number }
    >;
  };
  const [patient, eager] = [await lives(), await lives("--eager")];
  // CONNECT and SUBSCRIBE to DPS, and CONNECT to the hub, are not waited for.
  expect(eager.firstStart.roundTrips).toBeLessThan(patient.firstStart.roundTrips);
  expect(eager.secondStart.roundTrips).toBeLessThan(patient.secondStart.roundTrips);
});

test("what does not happen in time makes it fail, and still leaves nothing behind", async () => {
  const { directory, environment } = sandbox();
  try {
    // DPS asks for 3 s between request and answer.
    const { status, out } = await new BerthProcess(["simulate", "--timeout", "1", "--json"], environment)
      .ended;
    expect(status).toBe(1);
    expect(named(eventsOf(out), "error")).toMatchObject([{ code: "dps-timeout", final: true }]);
    expect(leftIn(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("when nobody reads any more it ends and cleans up", async () => {
  const { directory, environment } = sandbox();
  try {
    const process = new BerthProcess(["simulate", "--json"], environment);
    await process.event("packet");
    process.closeOutput();
    expect(await process.ended).toMatchObject({ status: 143, err: "" });
    expect(leftIn(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
