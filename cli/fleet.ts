// SPDX-License-Identifier: MIT
import { closeSync, openSync, writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { mostDevices, runFleet, THREADS } from "../simulator/fleet/fleet";
import { page } from "../simulator/fleet/report/html";
import { plots } from "../simulator/fleet/report/plot";
import { type FleetReport, heading, type Row, rows, time } from "../simulator/fleet/report/report";
import { RULES, type Rules } from "../simulator/fleet/rules";
import { SCENARIO_NAMES, SCENARIOS, type ScenarioName } from "../simulator/fleet/scenarios";
import { REGISTRATIONS, TIERS, type Tier } from "../simulator/fleet/tiers";
import { BerthError } from "../src/error";
import { type CommandContext, EXIT } from "./context";
import { real } from "./fleet-real";
import { seconds, wholeNumber } from "./options";
import { Output, type Streams } from "./output";
import { progressLine } from "./progress-line";
import { onInterrupt } from "./signals";
import { systemError } from "./system-error";

interface FleetFlags {
  readonly devices?: number;
  readonly scenario?: ScenarioName;
  readonly seed?: number;
  readonly rules: readonly Rules[];
  readonly tier: Tier;
  readonly units: number;
  readonly registrations: number;
  readonly startSpread?: number;
  readonly tokenLifetime?: number;
  readonly keepAlive?: number;
  readonly json?: string | true;
  readonly html?: string;
  readonly svg?: string;
  readonly real?: true;
  readonly timeout: number;
}

type SimulatedFlags = FleetFlags & { readonly devices: number; readonly scenario: ScenarioName };

const MOST_DEVICES = 1_000_000;
const DEFAULT_DEVICES = 10_000;
const DEFAULT_REAL = 2_000;
/** Seconds: of timers, and of a day. */
const LONGEST_TOKEN = 2_147_483;
const LONGEST_SPREAD = 86_400;
/** In dist, which is where this runs, also from a checkout. */
const WORKER = new URL("../dist/fleet-worker.js", import.meta.url);

/** Options that mean nothing with `--real`. */
const SIMULATED = [
  "scenario",
  "seed",
  "rules",
  "tier",
  "units",
  "registrations",
  "tokenLifetime",
  "keepAlive",
  "html",
  "svg",
];

const HELP = `
Scenarios:
${SCENARIO_NAMES.map((name) => `  ${name.padEnd(15)} ${SCENARIOS[name].title}`).join("\n")}

Agents of this project in virtual time, and beside them as many devices with the retry rules of Microsoft's SDKs, meet a model
of DPS and IoT Hub with the quotas that Azure documents. What is assumed beyond, and what an operator should set: docs/fleet.md`;

/** `berth fleet`: what a fleet does to DPS and hubs. */
export function addFleet(program: Command, context: CommandContext): void {
  program
    .command("fleet")
    .description("show what a fleet does to DPS and hubs when power, a hub or DPS fails, before it does")
    .addOption(new Option("--scenario <name>", "what happens").choices(SCENARIO_NAMES))
    .option(
      "--devices <count>",
      `how many; without it ${DEFAULT_DEVICES}, with --real ${DEFAULT_REAL}`,
      wholeNumber(1, MOST_DEVICES),
    )
    .option(
      "--seed <number>",
      "do the same again; without it a new one",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option("--rules <names>", `whose retry rules, of ${RULES.join(",")}`, rulesOption, [...RULES])
    .addOption(new Option("--tier <tier>", "of the hub").choices(Object.keys(TIERS)).default("S2"))
    .option("--units <count>", "of the hub", wholeNumber(1, 200), 2)
    .option("--registrations <count>", "that DPS takes a minute", wholeNumber(1, 100_000), REGISTRATIONS)
    .option("--start-spread <seconds>", "the agents wait a random part of it at their start", seconds)
    .option("--token-lifetime <seconds>", "of the agents' SAS tokens, 60 at least", seconds)
    .option("--keep-alive <seconds>", "of the agents, 1177 at most", seconds)
    .option("--json [file]", "the figures as JSON, into a file or on standard output")
    .option("--html <file>", "the report as a page with plots")
    .option("--svg <file>", "the plots alone")
    .addOption(
      new Option(
        "--real",
        "real TLS connections from processes of their own against one emulator, and what both sides saw",
      ).conflicts(SIMULATED),
    )
    .option("--timeout <seconds>", "how long --real may take", seconds, 300)
    .addHelpText("after", HELP)
    .action(async (flags: FleetFlags) => {
      const output = new Output(flags.json === true, context.streams);
      const simulation = flags.real ? undefined : checked(flags);
      for (const option of ["json", "html", "svg"] as const) assertWritable(`--${option}`, flags[option]);
      const interrupt = onInterrupt();
      try {
        const done = simulation
          ? await simulated(simulation, output, context.streams, interrupt.signal)
          : await realFleet(flags, output, context.streams, interrupt.signal);
        context.exit(interrupt.status() ?? (done ? EXIT.done : EXIT.failed));
      } finally {
        interrupt.release();
      }
    });
}

function rulesOption(text: string): Rules[] {
  const names = text.split(",");
  const found = RULES.filter((rules) => names.includes(rules));
  if (found.length === names.length) return found;
  throw new InvalidArgumentError(`Give some of ${RULES.join(",")}, with commas between.`);
}

/** @throws BerthError `invalid-argument`: nothing has started */
function checked(flags: FleetFlags): SimulatedFlags {
  const { scenario, devices = DEFAULT_DEVICES, startSpread = 0, tokenLifetime, keepAlive } = flags;
  if (scenario === undefined) {
    const about = `name what happens by --scenario: ${SCENARIO_NAMES.join(", ")}; or give --real`;
    throw new BerthError("invalid-argument", about);
  }
  const fit = mostDevices();
  if (devices > fit) {
    const about = `--devices ${devices}: the memory that is free is enough for about ${fit}; give fewer, or close other programs`;
    throw new BerthError("invalid-argument", about);
  }
  const inRange = (option: string, value: number | undefined, least: number, most: number): void => {
    if (value === undefined || (value >= least && value <= most)) return;
    throw new BerthError("invalid-argument", `${option}: give ${least} to ${most} seconds`);
  };
  inRange("--start-spread", startSpread, 0, LONGEST_SPREAD);
  inRange("--token-lifetime", tokenLifetime, 60, LONGEST_TOKEN);
  inRange("--keep-alive", keepAlive, 1, 1_177);
  return { ...flags, devices, scenario };
}

/** Before minutes of work, not after. @throws as `systemError` */
function assertWritable(option: string, file: string | true | undefined): void {
  if (typeof file !== "string") return;
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw systemError(error, option, file);
  }
}

async function realFleet(
  flags: FleetFlags,
  output: Output,
  streams: Streams,
  signal: AbortSignal,
): Promise<boolean> {
  const { devices = DEFAULT_REAL } = flags;
  const { report, done } = await real({ ...flags, devices }, output, progressLine(streams), signal);
  writeReport(flags.json, report, output);
  return done;
}

/** @returns true when nothing was found that must not be */
async function simulated(
  flags: SimulatedFlags,
  output: Output,
  streams: Streams,
  signal: AbortSignal,
): Promise<boolean> {
  const { scenario, devices, tier, units, registrations, rules } = flags;
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 31);
  const quotas = { hub: TIERS[tier](units), registrations };
  const milliseconds = (value: number | undefined): number | undefined => value && Math.round(value * 1000);
  const startSpread = milliseconds(flags.startSpread);
  const tokenLifetime = milliseconds(flags.tokenLifetime);
  const keepAlive = milliseconds(flags.keepAlive);
  const agent = {
    ...(startSpread !== undefined && { startSpread }),
    ...(tokenLifetime !== undefined && { tokenLifetime }),
    ...(keepAlive !== undefined && { keepAlive }),
  };
  output.event({ event: "started", scenario, devices, seed }, `seed ${seed}`);
  const start = performance.now();
  const progress = progressLine(streams);
  const now = new Map<Rules, string>();
  const found = await runFleet({ scenario, devices, seed, quotas, agent }, rules, {
    worker: WORKER,
    signal,
    onProgress(name, { back, seconds }) {
      const passed = seconds < 0 ? "settling" : time(seconds);
      now.set(name, `${name} ${passed} ${Math.floor((back / devices) * 100)} %`);
      progress.tell([...now.values()].join("   "));
    },
  }).finally(progress.end);
  const report: FleetReport = { scenario, devices, seed, hub: { tier, units }, quotas, agent, rules: found };
  const again = ["berth fleet", ...commandOf(flags, seed)].join(" ");
  writeReport(flags.json, report, output);
  write("--html", flags.html, page(report, again), output);
  write("--svg", flags.svg, plots(report), output);
  for (const line of [heading(report), "", ...columns(rows(report)), ""]) output.line(line);
  output.line(`again: ${again}`);
  const all = Object.keys(found).length * devices;
  output.line(
    `${Math.round((all / (performance.now() - start)) * 1000)} devices a second, ${THREADS} threads`,
  );
  const faults = Object.values(found).flatMap((figures) => figures.faults);
  for (const fault of faults) output.error(new BerthError("internal", fault));
  return faults.length === 0;
}

/** As an event on standard output, or into the file. */
function writeReport(file: string | true | undefined, report: object, output: Output): void {
  if (file === true) output.event({ event: "report", ...report });
  else write("--json", file, `${JSON.stringify(report)}\n`, output);
}

function write(option: string, file: string | true | undefined, text: string, output: Output): void {
  if (typeof file !== "string") return;
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw systemError(error, option, file);
  }
  output.line(`made  ${file}`);
}

/** What does the same again. */
function commandOf(flags: SimulatedFlags, seed: number): string[] {
  const { scenario, devices, rules, tier, units, registrations, startSpread, tokenLifetime, keepAlive } =
    flags;
  const words = { scenario, devices, seed, tier, units };
  const more = {
    ...(rules.length < RULES.length && { rules: rules.join(",") }),
    ...(registrations !== REGISTRATIONS && { registrations }),
    "start-spread": startSpread,
    "token-lifetime": tokenLifetime,
    "keep-alive": keepAlive,
  };
  return Object.entries({ ...words, ...more }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
}

function columns(all: readonly Row[]): string[] {
  const width = (column: number): number => Math.max(...all.map((row) => row[column]?.length ?? 0));
  return all.map(([name, ...values]) =>
    [name.padEnd(width(0)), ...values.map((value, at) => value.padStart(width(at + 1)))].join("  "),
  );
}
