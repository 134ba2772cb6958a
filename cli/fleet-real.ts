// SPDX-License-Identifier: MIT
/** `berth fleet --real`. */
import { freemem } from "node:os";
import type { RealReport } from "../simulator/fleet/real/run";
import { time, whole } from "../simulator/fleet/report/report";
import { BerthError } from "../src/error";
import type { Output } from "./output";
import type { Progress } from "./progress-line";

export interface RealFlags {
  readonly devices: number;
  /** Seconds. */
  readonly startSpread?: number;
  readonly timeout: number;
}

/** In dist, which is where this runs, also from a checkout. */
const MODULE = new URL("../dist/fleet-devices.js", import.meta.url);
/** Devices a second that two cores bear: without `--start-spread` they start over that time. */
const USUAL_RATE = 100;

/** @returns true when all were connected, and what the emulator has is what they say. @throws BerthError `invalid-argument` */
export async function real(
  flags: RealFlags,
  output: Output,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ readonly report: RealReport; readonly done: boolean }> {
  // Loaded here: other commands need no emulator.
  const { mostRealDevices, runReal } = await import("../simulator/fleet/real/run");
  const { devices, timeout, startSpread = devices / USUAL_RATE } = flags;
  const most = mostRealDevices(freemem());
  if (devices > most.devices) {
    const mend = most.why === "files" ? "raise `ulimit -n`" : "close other programs";
    const about = `--devices ${devices}: ${most.why === "files" ? "open files" : "the memory that is free"} are enough for`;
    throw new BerthError(
      "invalid-argument",
      `${about.replace("memory that is free are", "memory that is free is")} about ${most.devices}; give fewer, or ${mend}`,
    );
  }
  const report = await runReal(
    { devices, startSpread: Math.round(startSpread * 1000), timeout: timeout * 1000 },
    {
      module: MODULE,
      signal,
      onProgress: ({ connected, acknowledged }) =>
        progress.tell(`${connected} connected, ${acknowledged} messages`),
    },
  ).finally(progress.end);
  for (const line of lines(report)) output.line(line);
  const { deviceSide, emulatorSide } = report;
  const done = deviceSide.acknowledged === devices && emulatorSide.telemetry >= devices;
  return { report, done };
}

function lines({ devices, startSpreadSeconds, deviceSide, emulatorSide }: RealReport): string[] {
  const { secondsUntil } = deviceSide;
  const errors = Object.entries(deviceSide.errors).map(([code, count]) => `${code} ${count}`);
  const each = (bytes: number): string => `${whole(bytes / 1000)} KB`;
  return [
    `${whole(devices)} devices that start within ${time(startSpreadSeconds)}`,
    "",
    "the devices",
    `  connected ${whole(deviceSide.connected)}, messages acknowledged ${whole(deviceSide.acknowledged)}`,
    `  50 % after ${time(secondsUntil["50"])}, 99 % after ${time(secondsUntil["99"])}, 100 % after ${time(secondsUntil["100"])}`,
    `  errors: ${errors.join(", ") || "none"}`,
    `  ${each(deviceSide.residentBytes / devices)} and ${((deviceSide.cpuSeconds / devices) * 1000).toFixed(1)} ms of CPU a device`,
    "the emulator",
    `  connections: DPS ${whole(emulatorSide.dpsConnections)}, hubs ${whole(emulatorSide.hubConnections)}`,
    `  registrations ${whole(emulatorSide.registrations)}, polls ${whole(emulatorSide.polls)}, messages ${whole(emulatorSide.telemetry)}`,
    `  ${each(emulatorSide.bytesPerDevice)} and ${((emulatorSide.cpuSeconds / devices) * 1000).toFixed(1)} ms of CPU a device`,
  ];
}
