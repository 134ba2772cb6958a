// SPDX-License-Identifier: MIT
/** `berth fault|events|clock|certificate|disconnect …`: what Azure has no API for. */
import { createInterface } from "node:readline";
import { InvalidArgumentError } from "commander";
import { faultInWords } from "../../emulator/fault-words";
import { FAULT_ACTIONS, FAULT_STEPS, type FaultRule } from "../../emulator/faults";
import { CERTIFICATE_KINDS, type CertificateKind } from "../../emulator/served-certificate";
import { askedLine, type EventRecord } from "../event-lines";
import { wholeNumber } from "../options";
import type { ServiceClient } from "../service/client";
import { ServiceFailure } from "../service/failure";
import { table } from "../table";
import { done, jsonValue, needed, oneOf, optional, part, record, type Verb, verb } from "./verb";

const COUNT = wholeNumber(0, 1_000_000);
const FAULT_OPTIONS = [
  oneOf("--step <step>", "where it strikes", FAULT_STEPS).makeOptionMandatory(),
  oneOf("--action <action>", "what happens there", FAULT_ACTIONS).makeOptionMandatory(),
  optional("--id <id>", "only for this registration id or device id"),
  optional("--endpoint <name>", "only at dps, or at this hub"),
  optional("--count <times>", "strike this often; default: for ever", wholeNumber(1, 1_000_000)),
  optional("--skip <times>", "let this many pass first", COUNT),
  optional("--probability <part>", "strike with this probability, 0 to 1", probability),
  optional("--delay-ms <milliseconds>", "for delay", wholeNumber(0, 3_600_000)),
  optional("--status <status>", "for status: 200 to 599; default: 500", wholeNumber(200, 599)),
  optional("--retry-after <seconds>", "for status: what a device is told to wait", COUNT),
  optional("--body <json>", "for status: JSON of the answer, or @FILE", jsonValue("--body")),
  optional("--return-code <code>", "for returnCode: of CONNACK; default: 3", wholeNumber(0, 255)),
  optional("--after-bytes <count>", "for steps that count bytes", wholeNumber(0, Number.MAX_SAFE_INTEGER)),
];
/** Members of a rule, which the options have as their names. */
const FAULT_MEMBERS: readonly (keyof FaultRule)[] = [
  "step",
  "action",
  "id",
  "endpoint",
  "count",
  "skip",
  "probability",
  "delayMs",
  "status",
  "retryAfter",
  "body",
  "returnCode",
  "afterBytes",
];

/** The table. */
export const EMULATOR_CONTROL: readonly Verb[] = [
  verb({
    words: "health",
    about: "is an emulator ready, since when, and where",
    service: "emulator",
    options: [],
    run: async (emulator) => record(await emulator.get("/health")),
  }),
  verb<FaultRule>({
    words: "fault add",
    about: "let something go wrong",
    service: "emulator",
    options: FAULT_OPTIONS,
    run: async (emulator, flags) => {
      const members = FAULT_MEMBERS.map((name) => [name, flags[name]] as const);
      const rule = Object.fromEntries(members.filter(([, value]) => value !== undefined));
      const added = await emulator.post("/faults", rule);
      return done(`fault ${added.id}: ${ruleLine(added.rule as FaultRule)}`, added);
    },
  }),
  verb({
    words: "fault list",
    about: "what goes wrong at present; left is how often it still does",
    service: "emulator",
    options: [],
    run: async (emulator) => {
      const value = (await emulator.ask("GET", "/faults")).value as ArmedFault[];
      const shown = value.map(({ id, left, rule }) => ({
        fault: id,
        left: left ?? "always",
        what: ruleLine(rule),
      }));
      return { value, lines: (width) => table(shown, ["fault", "left", "what"], width) };
    },
  }),
  verb<{ fault?: number }>({
    words: "fault clear",
    about: "let nothing go wrong any more",
    service: "emulator",
    options: [
      optional("--fault <number>", "this one only, by its number", wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    ],
    run: async (emulator, { fault }) => {
      await emulator.delete(fault === undefined ? "/faults" : `/faults/${fault}`);
      return done(fault === undefined ? "no fault is left" : `fault ${fault} is gone`);
    },
  }),
  verb<{ event?: string; deviceId?: string; count?: number; kept?: true }>({
    words: "events",
    about: "print what happens in an emulator, until interrupted",
    service: "emulator",
    goesOn: true,
    options: [
      optional("--event <names>", "only these, separated by commas; packet for each MQTT packet"),
      optional("-d, --device-id <id>", "only of this device or registration id"),
      optional(
        "--kept",
        "first those that it still has: since the first who read them, or since the start with --page",
      ),
      optional("--count <count>", "end after this many", wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    ],
    run: async (
      emulator,
      { event, deviceId, kept, count = Number.POSITIVE_INFINITY },
      { output, signal },
    ) => {
      const query = {
        ...(event !== undefined && { types: event }),
        ...(deviceId !== undefined && { device: deviceId }),
        ...(kept && { after: "start" }),
      };
      const response = await emulator.stream("/events", { query });
      const stop = () => response.destroy();
      signal.addEventListener("abort", stop, { once: true });
      const lines = createInterface({ input: response });
      // Its end is told below.
      response.on("error", () => lines.close());
      let left = count;
      for await (const line of lines) {
        const happened = recordOf(line);
        // Cut off.
        if (!happened) break;
        const { line: text, style } = askedLine(happened);
        output.passing(happened, `${happened.time?.slice(11, 23)}  ${text}`, style);
        if (!OF_THE_STREAM.includes(happened.event) && --left <= 0) break;
      }
      stop();
      if (left > 0 && !signal.aborted)
        throw new ServiceFailure(
          "ended",
          "the emulator has ended the events: it was stopped, or this reads too slowly",
          { retriable: true },
        );
      return undefined;
    },
  }),
  verb<{ hubName?: string; deviceId: string }>({
    words: "disconnect",
    about: "end the connection of a device",
    service: "emulator",
    options: [
      needed("-d, --device-id <id>", "the device"),
      optional("-n, --hub-name <name>", "its hub; default: the one that it is connected to"),
    ],
    run: async (emulator, { hubName, deviceId }) => {
      const hubs = hubName === undefined ? ((await emulator.get("/health")).hubs as string[]) : [hubName];
      for (const hub of hubs)
        if (await cutOff(emulator, hub, deviceId)) return done(`${deviceId} is cut off from ${hub}`);
      throw new ServiceFailure(
        "DeviceNotFound",
        `${deviceId} has no connection to ${hubs.join(" or ")}; berth hub device list shows which are connected`,
        { status: 404 },
      );
    },
  }),
  verb({
    words: "clock show",
    about: "the time that an emulator goes by",
    service: "emulator",
    options: [],
    run: async (emulator) => record(await emulator.get("/clock")),
  }),
  verb<{ skew: number }>({
    words: "clock set",
    about: "set an emulator's clock off from the right time",
    service: "emulator",
    options: [needed("--skew <duration>", "for example 90s, 2h, -1d; 0s is right", duration)],
    run: async (emulator, { skew }) => record(await emulator.put("/clock", { skewMs: skew })),
  }),
  verb<{ by: number }>({
    words: "clock jump",
    about: "set it on, so that tokens and lifetimes end now; or back",
    service: "emulator",
    options: [needed("--by <duration>", "for example 90s, 2h, -1d", duration)],
    run: async (emulator, { by }) => record(await emulator.post("/clock/jump", { byMs: by })),
  }),
  verb({
    words: "clock reset",
    about: "set it right",
    service: "emulator",
    options: [],
    run: async (emulator) => {
      await emulator.delete("/clock");
      return done("the clock is right");
    },
  }),
  verb({
    words: "certificate show",
    about: "what an emulator's servers show",
    service: "emulator",
    options: [],
    run: async (emulator) => record(await emulator.get("/certificates")),
  }),
  verb({
    words: "certificate root",
    about: "print the root to trust, in PEM",
    service: "emulator",
    options: [],
    run: async (emulator) => {
      const { value } = await emulator.ask("GET", "/root.pem");
      return { value: { root: value }, lines: () => String(value).trimEnd().split("\n") };
    },
  }),
  verb<{ kind: CertificateKind }>({
    words: "certificate serve",
    about: "show another certificate to who connects from now on",
    service: "emulator",
    options: [oneOf("--kind <kind>", "what is wrong with it", CERTIFICATE_KINDS).makeOptionMandatory()],
    run: async (emulator, { kind }) => record(await emulator.put("/certificates/server", { kind })),
  }),
  verb({
    words: "certificate new-root",
    about: "put a new root in place of the former, which nobody trusts yet",
    service: "emulator",
    options: [],
    run: async (emulator) => record(await emulator.post("/certificates/root")),
  }),
  verb({
    words: "certificate reset",
    about: "bring back root and certificate that are kept",
    service: "emulator",
    options: [],
    run: async (emulator) => {
      await emulator.delete("/certificates");
      return done("root and certificate are those that are kept");
    },
  }),
];

/** False where the device has no connection to the hub. */
async function cutOff(emulator: ServiceClient, hub: string, deviceId: string): Promise<boolean> {
  try {
    await emulator.delete(`/connections/${part(hub)}/${part(deviceId)}`);
    return true;
  } catch (error) {
    if (error instanceof ServiceFailure && error.status === 404) return false;
    throw error;
  }
}

/** As `GET /faults` has it. */
interface ArmedFault {
  readonly id: number;
  /** Null for ever. */
  readonly left: number | null;
  readonly rule: FaultRule;
}

/** The whole rule, and how often it strikes. */
function ruleLine(rule: FaultRule): string {
  const { count } = rule;
  const often = count === undefined ? "always" : count === 1 ? "once" : `${count} times`;
  return `${faultInWords(rule)}, ${often}`;
}

/** Records about the stream itself. */
const OF_THE_STREAM: readonly string[] = ["listening", "missed", "dropped"];

function recordOf(line: string): EventRecord | undefined {
  try {
    return JSON.parse(line) as EventRecord;
  } catch {
    return undefined;
  }
}

function probability(text: string): number {
  const value = Number(text);
  if (!/^[\d.]+$/.test(text) || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Give a number from 0 to 1, for example 0.5.");
  return value;
}

const UNITS: Readonly<Record<string, number>> = Object.freeze({
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});

/** Milliseconds. */
function duration(text: string): number {
  const [, number, unit = ""] = /^([+-]?\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError(
      "Give a number and its unit (ms, s, m, h, d), for example 90s, 2h or -1d.",
    );
  return Math.round(Number(number) * UNITS[unit]!);
}
