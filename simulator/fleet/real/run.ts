// SPDX-License-Identifier: MIT
/** Processes with devices against one emulator, over real TLS: what both sides saw. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deriveDeviceKey, Emulator, newSymmetricKey } from "../../../emulator/index";
import type { RealInput, RealMessage, RealProgress, RealResult } from "./devices";

/** Bytes that a device takes on both sides of its TLS connection: measured, and half as much again. */
const DEVICE_BYTES = 300_000;
const BASE_BYTES = 400_000_000;
/** Processes with devices: the emulator needs a core, too. */
const PROCESSES = 2;
const SHARE = 0.8;

export interface RealOptions {
  readonly devices: number;
  /** Milliseconds; of the agents, so that the cores are not the only thing that is measured. */
  readonly startSpread: number;
  /** Milliseconds after which it ends though not all are connected. */
  readonly timeout: number;
}

export interface RealCalls {
  /** The built module of `entry.ts`. */
  readonly module: URL;
  readonly signal: AbortSignal;
  onProgress(progress: RealProgress): void;
}

export interface RealReport {
  readonly devices: number;
  readonly startSpreadSeconds: number;
  readonly interrupted: boolean;
  readonly deviceSide: {
    readonly connected: number;
    readonly acknowledged: number;
    /** From the start of the fleet, of those that connected. */
    readonly secondsUntil: Readonly<Record<"50" | "99" | "100", number | null>>;
    readonly errors: Readonly<Record<string, number>>;
    readonly residentBytes: number;
    readonly cpuSeconds: number;
  };
  readonly emulatorSide: {
    readonly dpsConnections: number;
    readonly hubConnections: number;
    readonly registrations: number;
    readonly polls: number;
    readonly assignments: number;
    readonly telemetry: number;
    /** With all connected; the emulator without a device is subtracted. */
    readonly bytesPerDevice: number;
    readonly cpuSeconds: number;
  };
}

/** How many devices fit: `bytes` that are free, and files that may be open. */
export function mostRealDevices(bytes: number): {
  readonly devices: number;
  readonly why: "memory" | "files";
} {
  const byMemory = Math.max(0, Math.floor((bytes * SHARE - BASE_BYTES) / DEVICE_BYTES));
  const byFiles = openFiles() - 200;
  return byFiles < byMemory ? { devices: byFiles, why: "files" } : { devices: byMemory, why: "memory" };
}

/** That this process may have open; Node.js has raised it as far as it may. Infinite where nobody tells. */
function openFiles(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

export async function runReal(options: RealOptions, calls: RealCalls): Promise<RealReport> {
  const { devices, startSpread } = options;
  const { signal } = calls;
  const directory = mkdtempSync(join(tmpdir(), "berth-fleet-"));
  const primaryKey = newSymmetricKey();
  const group = Buffer.from(primaryKey, "base64");
  const hubs = [{ name: "hub-1.example" }, { name: "hub-2.example" }];
  const emulator = await Emulator.start({
    configuration: {
      idScope: "0ne00000000",
      iotHubs: hubs,
      enrollments: [],
      enrollmentGroups: [
        { enrollmentGroupId: "fleet", attestation: { type: "symmetricKey", symmetricKey: { primaryKey } } },
      ],
    },
    stateDirectory: directory,
    // The computer is what is measured, not the quota.
    dps: { registrationsPerMinute: Math.max(1_000, 10 * devices) },
  });
  const children: ChildProcess[] = [];
  try {
    const before = process.memoryUsage.rss();
    const cpu = process.cpuUsage();
    const members = Array.from({ length: devices }, (_, index) => {
      const registrationId = `device-${index}`;
      return { registrationId, symmetricKey: deriveDeviceKey(group, registrationId) };
    });
    const shares = Array.from({ length: PROCESSES }, (_, at) =>
      members.filter((_one, index) => index % PROCESSES === at),
    );
    const { port, idScope, ca } = emulator;
    const runs = shares.map((share) => {
      const child = fork(fileURLToPath(calls.module), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      children.push(child);
      child.send({ members: share, idScope, port, root: ca.pem, startSpread } satisfies RealInput);
      return new Processes(child);
    });
    await untilAll(runs, options, calls);
    const resident = process.memoryUsage.rss();
    const { user, system } = process.cpuUsage(cpu);
    const results = await Promise.all(runs.map((run) => run.end()));
    const { counts } = emulator;
    const sum = (of: (result: RealResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    return {
      devices,
      startSpreadSeconds: startSpread / 1000,
      interrupted: signal.aborted,
      deviceSide: {
        connected: sum(({ connected }) => connected),
        acknowledged: sum(({ acknowledged }) => acknowledged),
        secondsUntil: until(
          results.flatMap(({ times }) => times),
          devices,
        ),
        errors: errorsOf(results),
        residentBytes: sum(({ residentBytes }) => residentBytes),
        cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      },
      emulatorSide: {
        dpsConnections: counts.connectionsOf("dps"),
        hubConnections: hubs.reduce((total, { name }) => total + counts.connectionsOf(name), 0),
        registrations: counts.registrations,
        polls: counts.polls,
        assignments: counts.assignments,
        telemetry: counts.telemetry,
        bytesPerDevice: Math.max(0, Math.round((resident - before) / devices)),
        cpuSeconds: (user + system) / 1e6,
      },
    };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await emulator.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A process with its share of the devices. */
class Processes {
  readonly #child: ChildProcess;
  progress: RealProgress = { connected: 0, acknowledged: 0 };
  readonly #result: Promise<RealResult>;
  /** Why it has ended unasked. */
  failure: Error | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#result = new Promise((resolve, reject) => {
      child.on("message", (message: RealMessage) => {
        if ("result" in message) resolve(message.result);
        else this.progress = message.progress;
      });
      child.on("error", reject);
      child.on("exit", (status, by) => {
        this.failure = new Error(`a process with devices ended: ${by ?? status}`);
        reject(this.failure);
      });
    });
    // It is asked for later.
    this.#result.catch(() => undefined);
  }

  end(): Promise<RealResult> {
    if (this.#child.connected) this.#child.send("end");
    return this.#result;
  }
}

/** Until all devices have sent their message, the time is up, or somebody ends it. */
function untilAll(
  runs: readonly Processes[],
  { devices, timeout }: RealOptions,
  { signal, onProgress }: RealCalls,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const timer = setInterval(() => {
      const failure = runs.find((run) => run.failure)?.failure;
      const sum = (of: (progress: RealProgress) => number): number =>
        runs.reduce((total, { progress }) => total + of(progress), 0);
      const progress = {
        connected: sum((one) => one.connected),
        acknowledged: sum((one) => one.acknowledged),
      };
      onProgress(progress);
      const done = progress.acknowledged >= devices || signal.aborted || performance.now() - start >= timeout;
      if (!failure && !done) return;
      clearInterval(timer);
      if (failure) reject(failure);
      else resolve();
    }, 100);
  });
}

function until(times: readonly number[], devices: number): RealReport["deviceSide"]["secondsUntil"] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number | null => {
    const time = sorted[Math.ceil(devices * share) - 1];
    return time === undefined ? null : Math.round(time / 100) / 10;
  };
  return { "50": at(0.5), "99": at(0.99), "100": at(1) };
}

function errorsOf(results: readonly RealResult[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { errors } of results) {
    for (const [code, count] of Object.entries(errors)) all[code] = (all[code] ?? 0) + count;
  }
  return all;
}
