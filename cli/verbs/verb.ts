// SPDX-License-Identifier: MIT
/** How a verb of the command is defined: an entry of a table says its words, its options, whom it asks, and what it does. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { BerthError } from "../../src/error";
import { type CommandContext, EXIT } from "../context";
import { readText } from "../options";
import { Output } from "../output";
import { printableJson } from "../printable";
import type { ServiceClient } from "../service/client";
import { findTarget, type ServiceKind, type Target, type TargetFlags, withTarget } from "../service/target";
import { onInterrupt } from "../signals";
import { fields, table } from "../table";

/** What a verb has to say: `value` with `--json`, else `lines`. */
export interface Told {
  readonly value: unknown;
  readonly lines: (width: number | undefined) => readonly string[];
}

/** What else a verb gets. */
export interface VerbCall {
  readonly output: Output;
  readonly target: Target;
  readonly context: CommandContext;
  /** Ends what would go on for ever. */
  readonly signal: AbortSignal;
}

/** One verb. */
export interface Verb {
  /** All of its words, as `hub device list`. */
  readonly words: string;
  readonly alias?: string;
  readonly about: string;
  readonly service: ServiceKind;
  readonly options: readonly Option[];
  /** Positional arguments, as `<id>`. */
  readonly arguments?: readonly string[];
  /** It makes the device of `--device-id`, which is in no hub before. */
  readonly makesDevice?: boolean;
  /** It goes on until it is interrupted, and prints as it goes. */
  readonly goesOn?: boolean;
  readonly run: (client: ServiceClient, flags: never, call: VerbCall) => Promise<Told | undefined>;
}

/** An entry of a table. `F` are the flags of its options, and `argument` for the positional one. */
export function verb<F extends object>(
  definition: Omit<Verb, "run"> & {
    readonly run: (
      client: ServiceClient,
      flags: F & TargetFlags,
      call: VerbCall,
    ) => Promise<Told | undefined>;
  },
): Verb {
  return definition as Verb;
}

/** What one group of words is for. */
export type Groups = Readonly<Record<string, string>>;

/** Adds verbs to the program. @param groups descriptions of the words that are no verbs, as `hub twin` */
export function addVerbs(
  program: Command,
  context: CommandContext,
  groups: Groups,
  verbs: readonly Verb[],
): void {
  for (const one of verbs) {
    const words = one.words.split(" ");
    const parent = words.slice(0, -1).reduce((command, word, index) => {
      const path = words.slice(0, index + 1).join(" ");
      return (
        command.commands.find((child) => child.name() === word) ??
        command.command(word).description(groups[path] ?? "")
      );
    }, program);
    const command = parent.command(words.at(-1)!).description(one.about);
    if (one.alias !== undefined) command.alias(one.alias);
    for (const argument of one.arguments ?? []) command.argument(argument);
    for (const option of one.options) command.addOption(option);
    withTarget(command, one.service).option(
      "--json",
      one.goesOn ? "print one JSON object a line" : "print JSON",
      false,
    );
    command.addHelpText("after", `${one.service === "emulator" ? "" : SECRET_HELP}\n${EXIT_HELP}`);
    command.action(async (...given: unknown[]) => {
      const flags = given.at(-2) as TargetFlags & { json: boolean; deviceId?: string };
      const positional = (one.arguments ?? []).length === 0 ? {} : { argument: given[0] };
      await runVerb(one, { ...flags, ...positional }, context);
    });
  }
}

const EXIT_HELP = `Exit status: 0 when it is done, 1 when the service refused it, could not be reached,
or no emulator runs, 2 for a wrong command line.`;
const SECRET_HELP = `
A connection string on the command line can be read by other users of this computer.
Better: leave it to the emulator that runs here, or put it into the environment.
`;

async function runVerb(
  one: Verb,
  flags: TargetFlags & { json: boolean; deviceId?: string },
  context: CommandContext,
): Promise<void> {
  const output = new Output(flags.json, context.streams);
  const target = await findTarget(one.service, flags, context, one.makesDevice ? undefined : flags.deviceId);
  // On standard error, so that what was asked for stands alone.
  if (!flags.json) context.streams.err(`${taken(target)}\n`);
  const interrupt = onInterrupt();
  try {
    const told = await one.run(target.client, flags as never, {
      output,
      target,
      context,
      signal: interrupt.signal,
    });
    if (told !== undefined) tell(told, output, context);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    interrupt.release();
  }
  if (interrupt.signal.aborted) context.exit(one.goesOn ? EXIT.done : (interrupt.status() ?? EXIT.failed));
}

function taken({ client, credentials }: Target): string {
  const { host, what } = client.place;
  return credentials === undefined ? `(${what})` : `(${host}, ${what})`;
}

function tell({ value, lines }: Told, output: Output, { streams }: CommandContext): void {
  if (output.json) {
    const json = JSON.stringify(value, undefined, 2).split("\n").map(printableJson).join("\n");
    streams.out(`${json}\n`);
  } else for (const line of lines(streams.columns?.("out"))) output.line(line);
}

/** A list. */
export function rows(value: readonly unknown[], columns: readonly string[]): Told {
  return { value, lines: (width) => table(value, columns, width) };
}

/** An object. */
export function record(value: unknown): Told {
  return { value, lines: () => fields(value) };
}

/** A thing that was done, and what the service said of it. */
export function done(line: string, value: unknown = {}): Told {
  return { value, lines: () => [line] };
}

/** An option that must be given. */
export function needed(flags: string, about: string, parse?: (text: string) => unknown): Option {
  return optional(flags, about, parse).makeOptionMandatory();
}

/** An option that may be left out. */
export function optional(
  flags: string,
  about: string,
  parse?: (text: string, before?: never) => unknown,
): Option {
  const option = new Option(flags, about);
  return parse === undefined ? option : option.argParser(parse as (text: string) => unknown);
}

/** An option of another command, or what people take for one: the error names the right one. */
export function misnamed(flags: string, right: string): Option {
  return optional(flags, "", () => {
    throw new InvalidArgumentError(`Here it is ${right}.`);
  }).hideHelp();
}

/** One of several words, whatever its case. */
export function oneOf(flags: string, about: string, choices: readonly string[]): Option {
  return optional(flags, `${about}: ${choices.join(", ")}`, (text) => {
    const found = choices.find((one) => one.toLowerCase() === text.toLowerCase());
    if (found === undefined) throw new InvalidArgumentError(`Give one of ${choices.join(", ")}.`);
    return found;
  });
}

/** JSON, or `@FILE` with it. */
export function jsonValue(name: string): (text: string) => unknown {
  return (text) => {
    const isFile = text.startsWith("@");
    const content = isFile ? readText(text.slice(1), name) : text;
    try {
      return JSON.parse(content);
    } catch (error) {
      const where = isFile ? `${text.slice(1)} ` : "";
      throw new BerthError("invalid-argument", `${name}: ${where}is not JSON: ${(error as Error).message}`);
    }
  };
}

/** A JSON object, or `@FILE` with it. */
export function jsonObject(name: string): (text: string) => object {
  return (text) => {
    const value = jsonValue(name)(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    throw new BerthError("invalid-argument", `${name}: give a JSON object, for example '{"period":60}'`);
  };
}

/** Part of a path. */
export function part(text: string): string {
  return encodeURIComponent(text);
}
