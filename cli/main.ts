// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import { optionsNpmKept, optionsOf } from "../scripts/npm-options";
import { BerthError } from "../src/error";
import { BerthCommand } from "./berth-command";
import { type CommandContext, EXIT } from "./context";
import { addDevice } from "./device";
import { addEmulator } from "./emulator";
import { addFleet } from "./fleet";
import { addHub } from "./hub";
import { addIdentity } from "./identity";
import { asCliError, Output, processStreams, type Streams } from "./output";
import { addRoots } from "./roots";
import { addSas } from "./sas";
import { addSimulate } from "./simulate";
import { GROUPS, VERBS } from "./verbs/table";
import { addVerbs } from "./verbs/verb";

/**
 * Runs `berth`.
 * @param argv as `process.argv`: the command's own words start at index 2.
 * @returns the exit status, see `EXIT`; it never rejects.
 */
export async function main(
  argv: readonly string[],
  streams: Streams = processStreams,
  environment: CommandContext["environment"] = process.env,
): Promise<number> {
  let status: number = EXIT.done;
  const context: CommandContext = {
    streams,
    environment,
    exit: (value) => {
      status = value;
    },
  };
  const output = new Output(wantsJson(argv), streams);
  try {
    const program = programOf(context, output.json);
    checkNpm(program, argv.slice(2), environment);
    await program.parseAsync([...argv]);
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      if (output.json)
        output.error(new BerthError("invalid-argument", error.message.replace(/^error: /, "")));
      return EXIT.usage;
    }
    const known = asCliError(error);
    output.error(known);
    return known.code === "invalid-argument" ? EXIT.usage : EXIT.failed;
  }
}

/** Not where it names a file, as `fleet` takes one. */
function wantsJson(argv: readonly string[]): boolean {
  const at = argv.indexOf("--json");
  return at >= 0 && !(argv[2] === "fleet" && argv[at + 1]?.startsWith("-") === false);
}

/** @throws BerthError `invalid-argument` where npm has kept options of the command */
function checkNpm(
  program: Command,
  words: readonly string[],
  environment: CommandContext["environment"],
): void {
  let command = program;
  const names: string[] = [];
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next) names.push(word);
    command = next ?? command;
  }
  const kept = optionsNpmKept(optionsOf(command), words, environment, names);
  if (kept !== undefined) throw new BerthError("invalid-argument", kept);
}

const EXIT_HELP = `
Exit status: 0 when what was asked for has happened, 1 when not, 2 for a wrong command line
or a file that it names and that cannot be used, 130 or 143 after SIGINT or SIGTERM.`;

function programOf(context: CommandContext, json: boolean): Command {
  const program = new BerthCommand("berth")
    .description("A device that finds its own place in Azure, and a local DPS and IoT Hub to try it on")
    .version(versionOfPackage())
    .showHelpAfterError("(berth help shows the commands, berth COMMAND --help its options)")
    .addHelpText("after", EXIT_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: context.streams.out,
      // With --json the error is printed as an event instead.
      writeErr: json ? () => undefined : context.streams.err,
    });
  addSimulate(program, context);
  addEmulator(program, context);
  addFleet(program, context);
  addHub(program, context);
  addVerbs(program, context, GROUPS, VERBS);
  addDevice(program, context);
  addIdentity(program, context);
  addSas(program, context);
  addRoots(program, context);
  return program;
}

function versionOfPackage(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
