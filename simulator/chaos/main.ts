// SPDX-License-Identifier: MIT
/** `npm run chaos`: see `npm run chaos -- --help`. */
import { freemem } from "node:os";
import { getHeapStatistics } from "node:v8";
import { setImmediate as turn } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { refuseWhatNpmKept } from "../../scripts/npm-options";
import { huntMutants } from "./hunt";
import { complaint, report } from "./report";
import { shrink } from "./shrink";
import * as subject from "./subject";
import { PERIOD, World, type WorldOptions } from "./world";

interface Options {
  readonly seed?: number;
  readonly hours: number;
  readonly devices?: number;
  readonly device?: number;
  readonly faults?: readonly number[];
  readonly mutants?: true;
  readonly real?: true;
  readonly for: number;
  readonly json?: true;
}

const HOUR = 3_600_000;
/** Bytes that a device of a run takes, its world included; measured, and twice that. */
const DEVICE_BYTES = 400_000;
/** Virtual time of a run: ten years. */
const MOST_HOURS = 87_600;
const DEFAULT_HOURS = 102;
const DEFAULT_DEVICES = 100;
/** Over real sockets a process has so many, and so many at most. */
const REAL_DEVICES = 8;
const MOST_REAL_DEVICES = 64;

function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(/^\d+$/.test(text) && value >= low && value <= high)) {
      throw new InvalidArgumentError(`A whole number from ${low} to ${high} is needed.`);
    }
    return value;
  };
}

function numbers(text: string): number[] {
  return text === "" ? [] : text.split(",").map(whole(0, Number.MAX_SAFE_INTEGER));
}

const program = new Command("npm run chaos --")
  .description(
    "Devices with the code of src/ live through faults of every kind in virtual time, and what must hold is checked at each\n" +
      `step. Faults come for 4.5 hours, then it is calm for 1.5. Ends at the first rule that is broken, with status 1 and the\n` +
      "command that does it again; Ctrl-C ends it with the report so far.",
  )
  .option(
    "--seed <number>",
    "do the same again; without it a new one, which is printed",
    whole(0, Number.MAX_SAFE_INTEGER),
  )
  .option(
    "--hours <number>",
    "virtual hours of each device, in steps of 6",
    whole(6, MOST_HOURS),
    DEFAULT_HOURS,
  )
  .option(
    "--devices <number>",
    `how many, each with options of its own (default: ${DEFAULT_DEVICES}; with --real ${REAL_DEVICES})`,
    whole(1, 1_000_000),
  )
  .option("--device <number>", "this one of them alone", whole(0, 999_999))
  .option("--faults <numbers>", "these of its faults alone, comma separated; empty for none", numbers)
  .option("--mutants", "plant faults in src/, one at a time, and show which seed finds each")
  .addOption(
    new Option(
      "--real",
      "over real sockets and TLS, against the emulator, through a proxy that breaks them",
    ).conflicts(["mutants", "faults", "device", "hours"]),
  )
  .option("--for <seconds>", "how long --real goes on", whole(5, 86_400), 20)
  .option("--json", "the outcome as one line of JSON on standard output");

async function main(): Promise<number> {
  refuseWhatNpmKept(program);
  const options = program.parse().opts<Options>();
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  console.error(`seed ${seed}`);
  if (options.mutants) return huntMutants(seed, (line) => console.log(line));
  if (options.real) {
    const { devices = REAL_DEVICES } = options;
    if (devices > MOST_REAL_DEVICES) {
      return program.error(`error: --devices ${devices}: with --real ${MOST_REAL_DEVICES} at most`);
    }
    const { storm } = await import("./real/storm");
    return storm({ seed, seconds: options.for, devices, log: console.error });
  }
  return virtual(seed, options);
}

async function virtual(seed: number, options: Options): Promise<number> {
  const { devices = DEFAULT_DEVICES, device, faults } = options;
  const periods = Math.ceil((options.hours * HOUR) / PERIOD);
  if (device !== undefined && device >= devices) {
    return program.error(
      `error: --device ${device}: with --devices ${devices} the last one is ${devices - 1}`,
    );
  }
  const fits = Math.floor(Math.min(freemem(), getHeapStatistics().heap_size_limit) / DEVICE_BYTES);
  if (device === undefined && devices > fits) {
    return program.error(
      `error: --devices ${devices}: the memory is enough for ${fits}; take fewer, or NODE_OPTIONS=--max-old-space-size=MEGABYTES`,
    );
  }
  const happens = faults && ((fault: number): boolean => faults.includes(fault));
  const world: WorldOptions = { seed, periods, devices, subject, only: device, happens };
  // Each connection that breaks is an error, and a stack takes longer than the rest of it.
  if (device === undefined) Error.stackTraceLimit = 0;
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  let told = 0;
  const outcome = await new World(world).run(async ({ deviceHours, messages }) => {
    await turn();
    if (seconds() - told > 5) {
      told = seconds();
      console.error(
        `${Math.round(deviceHours)} device-hours, ${messages.accepted} messages, ${told.toFixed(0)} s`,
      );
    }
    return !interrupted;
  });
  process.off("SIGINT", interrupt);
  if (options.json) {
    const { violation, faults: kinds, ...rest } = outcome;
    const { rule, what, device: by } = violation ?? {};
    console.log(
      JSON.stringify({
        seed,
        ...rest,
        faults: Object.fromEntries(kinds),
        violation: violation && { rule, what, device: by },
      }),
    );
  } else console.log(report(outcome, seconds()));
  if (!outcome.violation) return interrupted ? 130 : 0;
  Error.stackTraceLimit = 10;
  const small = shrink(world, outcome.violation);
  const hours = periods * (PERIOD / HOUR);
  const replay =
    `npm run chaos -- --seed ${seed} --hours ${hours} --devices ${devices} ` +
    `--device ${small.violation.device} --faults ${small.faults.join(",") || '""'}`;
  console.error(complaint(small.violation, replay));
  return 1;
}

process.exitCode = await main();
