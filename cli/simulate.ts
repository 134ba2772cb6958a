// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import { Emulator } from "../emulator/emulator";
import { BerthError } from "../src/error";
import { type CommandContext, EXIT } from "./context";
import type { DeviceEngine, EngineName } from "./device-engine";
import { openEngine, withEngine } from "./open-engine";
import {
  seconds,
  wholeNumber,
  withEager,
  withJson,
  withPage,
  withPagePort,
  withReceiveLimit,
  withTransport,
} from "./options";
import { Output } from "./output";
import { onInterrupt } from "./signals";
import { tellPage } from "./emulator";
import { type DeviceLife, SimulatedDevice } from "./simulated-device";
import { makeFleet } from "./simulated-fleet";
import { systemError } from "./system-error";
import type { Traffic } from "./timeline";

/** Each has some 45 MB with XS. */
const MOST_PROCESSES = 50;

interface SimulateFlags {
  readonly devices: number;
  readonly telemetry: number;
  readonly x509: boolean;
  readonly keep: boolean;
  readonly eager: boolean;
  readonly receiveLimit: number;
  readonly transport?: string[];
  readonly engine: EngineName;
  readonly timeout: number;
  readonly json: boolean;
  readonly page?: number | boolean;
}

/** `berth simulate`, what `npm start` runs: emulator and devices in one process, over real TLS. */
export function addSimulate(program: Command, context: CommandContext): void {
  const command = program
    .command("simulate")
    .description("show a device's life against a local DPS and IoT Hub, each MQTT packet in one line")
    .option("--devices <count>", "how many devices of one enrollment group", wholeNumber(1, 1000), 1)
    .option(
      "--telemetry <count>",
      "messages of each device in each of its two lives",
      wholeNumber(1, 10_000),
      3,
    )
    .option("--x509", "prove the devices by certificates instead of symmetric keys", false)
    .option("--timeout <seconds>", "give up after this time in each life", seconds, 60)
    .option(
      "--keep",
      "keep what the devices stored, the test CA and the emulator's state, and say where",
      false,
    );
  withJson(withPage(withEngine(withEager(withReceiveLimit(withTransport(command)))))).action(
    async (flags: SimulateFlags) => {
      const output = new Output(flags.json, context.streams);
      checkNumber(flags);
      const interrupt = onInterrupt();
      const directory = mkdtempSync(join(tmpdir(), "berth-"));
      try {
        const engine = await openEngine(flags.engine, output);
        const done = await simulate(flags, engine, directory, output, interrupt.signal);
        context.exit(interrupt.status() ?? (done ? EXIT.done : EXIT.failed));
      } catch (error) {
        const status = interrupt.status();
        if (status === undefined) throw systemError(error, undefined, directory);
        context.exit(status);
      } finally {
        interrupt.release();
        if (flags.keep) output.event({ event: "kept", directory }, `Kept: ${directory}`);
        else rmSync(directory, { recursive: true, force: true });
      }
    },
  );
}

/** @throws BerthError `invalid-argument` for more processes than a computer bears */
function checkNumber({ devices, engine }: SimulateFlags): void {
  if (engine === "node" || devices <= MOST_PROCESSES) return;
  throw new BerthError(
    "invalid-argument",
    `with --engine ${engine} each device is a process of its own; give at most ${MOST_PROCESSES} --devices`,
  );
}

/** @returns true when every device did in both lives what it should */
async function simulate(
  flags: SimulateFlags,
  engine: DeviceEngine,
  directory: string,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const fleet = await makeFleet(flags.devices, flags.x509);
  const emulator = await withPagePort(flags.page, (page) =>
    Emulator.start({
      configuration: fleet.configuration,
      stateDirectory: join(directory, "emulator"),
      ...(page ? { page } : {}),
    }),
  );
  try {
    const { port, idScope, hubs, ca } = emulator;
    output.event({ event: "ready", port, idScope, ca: ca.path, hubs });
    output.line(`Local DPS ${idScope} with ${hubs.join(" and ")} on 127.0.0.1:${port}, TLS, own test root`);
    tellPage(emulator.pageAddress, output);
    const width = Math.max(...fleet.members.map((member) => member.registrationId.length));
    const devices = fleet.members.map(
      (member) =>
        new SimulatedDevice({
          ...member,
          engine,
          idScope,
          port,
          httpsPort: emulator.httpsPort,
          transports: flags.transport,
          roots: [ca.pem],
          hubs,
          stateDirectory: join(directory, "devices", member.registrationId),
          label: flags.devices === 1 ? "" : `${member.registrationId.padEnd(width)}  `,
          output,
        }),
    );
    const { telemetry, timeout, eager, receiveLimit } = flags;
    const life = () => ({
      telemetry,
      eager,
      receiveLimit,
      timeout: timeout * 1000,
      signal,
      start: performance.now(),
    });
    title(output, "First start: nothing stored, so the device asks DPS");
    const firstLife = life();
    const first = await Promise.all(devices.map((device) => device.live(firstLife)));
    const calls = callsOf(emulator);
    if (signal.aborted || first.some(hasFailed)) return false;
    title(output, "Second start: from the stored assignment");
    const secondLife = life();
    const second = await Promise.all(devices.map((device) => device.live(secondLife)));
    if (signal.aborted || second.some(hasFailed)) return false;
    const done = summary(flags, emulator, devices, { first, second, calls }, output);
    if (emulator.pageAddress === undefined) return done;
    title(output, "For the page: the devices stay, and send until you end this (Ctrl+C)");
    await Promise.all(devices.map((device) => stay(device, life)));
    return done;
  } finally {
    await emulator.stop();
  }
}

/** Milliseconds between messages of a device that stays, and until one that has given up is started again. */
const STAY_INTERVAL = 5000;
const RESTART = 10_000;

/** A device that somebody plays with: whatever ends its life, it is started again, until `signal`. */
async function stay(device: SimulatedDevice, life: () => DeviceLife): Promise<void> {
  const { signal } = life();
  while (!signal.aborted) {
    await device.live({
      ...life(),
      telemetry: Number.MAX_SAFE_INTEGER,
      interval: STAY_INTERVAL,
      timeout: 0x7fffffff,
      stay: true,
    });
    if (!signal.aborted) await setTimeout(RESTART, undefined, { signal }).catch(() => {});
  }
}

type Lives = Awaited<ReturnType<SimulatedDevice["live"]>>[];

function hasFailed({ error }: Lives[number]): boolean {
  return error !== undefined;
}

function summary(
  flags: SimulateFlags,
  emulator: Emulator,
  devices: readonly SimulatedDevice[],
  lives: { first: Lives; second: Lives; calls: ReturnType<typeof callsOf> },
  output: Output,
): boolean {
  const { first, second, calls } = lives;
  const expected = flags.devices * flags.telemetry * 2;
  const after = callsOf(emulator);
  const dpsCallsOfSecondStart = after.connections - calls.connections + after.requests - calls.requests;
  const received = emulator.counts.telemetry;
  const checks: [string, boolean][] = [
    [`every device provisioned by DPS (${calls.assignments})`, first.every(({ source }) => source === "dps")],
    ["every device came back by its stored assignment", second.every(({ source }) => source === "stored")],
    [`the second start made no call to DPS (${dpsCallsOfSecondStart})`, dpsCallsOfSecondStart === 0],
    [`the hubs have all telemetry (${received} of ${expected})`, received >= expected],
    [
      "the devices have every acknowledgement",
      [...first, ...second].every(({ acknowledged }) => acknowledged >= flags.telemetry),
    ],
  ];
  const done = checks.every(([, good]) => good);
  const firstTraffic = total(first.map((life) => life.traffic));
  const secondTraffic = total(second.map((life) => life.traffic));
  output.event({
    event: "summary",
    done,
    devices: devices.length,
    telemetry: received,
    dpsCallsOfSecondStart,
    firstStart: firstTraffic,
    secondStart: secondTraffic,
  });
  title(output, "Summary");
  for (const [what, good] of checks) output.line(`  ${good ? "yes" : "NO "}  ${what}`);
  output.line(trafficRow("first start", firstTraffic));
  output.line(trafficRow("second start", secondTraffic));
  output.line("  (bytes of MQTT, without TLS)");
  if (!done) output.error(new BerthError("internal", "not all of it happened, see the lines with NO"));
  return done;
}

function callsOf(emulator: Emulator): { connections: number; requests: number; assignments: number } {
  const { counts } = emulator;
  return {
    connections: counts.connectionsOf("dps"),
    requests: counts.registrations + counts.polls,
    assignments: counts.assignments,
  };
}

function total(parts: readonly Traffic[]): Traffic {
  const sum: Traffic = {
    connections: 0,
    roundTrips: 0,
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  for (const part of parts) {
    for (const key of Object.keys(sum) as (keyof Traffic)[]) sum[key] += part[key];
  }
  return sum;
}

function trafficRow(name: string, traffic: Traffic): string {
  const { connections, roundTrips, packetsSent, packetsReceived, bytesSent, bytesReceived } = traffic;
  return `  ${name.padEnd(12)}  ${connections} connections, ${roundTrips} round trips, sent ${packetsSent} packets ${bytesSent} B, received ${packetsReceived} packets ${bytesReceived} B`;
}

function title(output: Output, text: string): void {
  output.line();
  output.line(text);
}
