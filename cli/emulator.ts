// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { parseConfiguration } from "../emulator/configuration-reader";
import { configurationSchema } from "../emulator/configuration-schema";
import { Emulator } from "../emulator/emulator";
import { parseFaults } from "../emulator/fault-reader";
import { formatState } from "../emulator/state-document";
import { shellPath } from "../factory/shell-word";
import { makeDirectory } from "../hosts/node/durable-file";
import { BerthError } from "../src/error";
import { writeNew } from "./certificates";
import type { CommandContext } from "./context";
import { reportEvents } from "./emulator-events";
import { announce, runningOf } from "./service/running";
import { hints, ownAddresses, placeOf } from "./emulator-hints";
import { berthHome } from "./home";
import { collect, readText, serverName, wholeNumber, withJson, withPage, withPagePort } from "./options";
import { Output } from "./output";
import { onInterrupt } from "./signals";
import { readState, stateError } from "./state-directory";
import { isSystemError, namingOption, SystemFailure, systemError } from "./system-error";

interface EmulatorFlags {
  readonly config?: string;
  readonly port: number;
  readonly httpsPort: number;
  readonly amqpsPort: number;
  readonly connectionStrings: boolean;
  readonly host: string;
  readonly name?: string[];
  readonly azurePorts: boolean;
  readonly state?: string;
  readonly export?: string;
  readonly seed: number;
  readonly page?: number | boolean;
  readonly example?: string;
  readonly schema: boolean;
  readonly json: boolean;
}

/** `berth emulator`: a local DPS with its hubs until SIGINT or SIGTERM. */
export function addEmulator(program: Command, context: CommandContext): void {
  const command = program
    .command("emulator")
    .description("run a local DPS and its IoT Hubs")
    .option("--config <file>", "JSON: idScope, iotHubs, enrollments, enrollmentGroups, faults")
    .option("--example <file>", "write such a file with new random keys, and end")
    .option("--schema", "print the JSON Schema of such a file, for editors, and end", false)
    .option("--port <port>", "port for DPS and all hubs; 0 takes a free one", wholeNumber(0, 65_535), 8883)
    .option(
      "--https-port <port>",
      "port of the APIs for services; Microsoft's SDKs know 443 only",
      wholeNumber(0, 65_535),
      0,
    )
    .option(
      "--amqps-port <port>",
      "port of AMQP for services; Microsoft's SDKs know 5671 only",
      wholeNumber(0, 65_535),
      0,
    )
    .option(
      "--azure-ports",
      "8883, 443 and 5671, as in Azure: what --port, --https-port and --amqps-port would say",
      false,
    )
    .option(
      "--host <address>",
      "address to listen on; 0.0.0.0 is all of this computer's",
      ipAddress,
      "127.0.0.1",
    )
    .option(
      "--name <name>",
      "a name or address that boards and containers reach it by, for its certificate (repeatable)",
      (text: string, before: string[] | undefined) => collect(serverName(text), before),
    )
    .option(
      "--connection-strings",
      "print those of hubs and DPS, and the token of its own API, at the start",
      false,
    )
    .option("--state <directory>", "keeps registrations, twins and the test CA; default: nothing is kept")
    .option(
      "--export <file>",
      "write what --state keeps as JSON, for reading and for another directory, and end",
    )
    .option("--seed <number>", "seed of the fault injector", wholeNumber(0, 0xffff_ffff), 1);
  command.addHelpText("after", `\n${TOKEN_HELP}`);
  withJson(withPage(command)).action((flags: EmulatorFlags) => {
    const output = new Output(flags.json, context.streams);
    if (flags.schema) {
      context.streams.out(`${JSON.stringify(configurationSchema(), undefined, 2)}\n`);
      return undefined;
    }
    if (flags.export !== undefined) return exportState(flags.export, flags.state, output);
    return flags.example === undefined ? run(flags, output, context) : writeExample(flags.example, output);
  });
}

const TOKEN_HELP = `Where --host is no loopback address, its own API (health aside) asks for a token:
that of BERTH_CONTROL_TOKEN, or a new one.`;

function ipAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError("Give an IP address of this computer, or 0.0.0.0 for all of them.");
}

async function run(flags: EmulatorFlags, output: Output, context: CommandContext): Promise<void> {
  const { config, state, host, name: names = [] } = flags;
  const { port, httpsPort, amqpsPort } = flags.azurePorts
    ? { port: 8883, httpsPort: 443, amqpsPort: 5671 }
    : flags;
  const controlToken = context.environment.BERTH_CONTROL_TOKEN;
  if (config === undefined) {
    throw new BerthError(
      "invalid-argument",
      "no --config; npx berth emulator --example FILE.json writes one to start from",
    );
  }
  const text = readText(config, "--config");
  const configuration = parseConfiguration(text, config);
  const interrupt = onInterrupt();
  const emulator = await withPagePort(flags.page, (page) =>
    Emulator.start({
      configuration,
      faults: parseFaults(text, config),
      seed: flags.seed,
      port,
      httpsPort,
      amqpsPort,
      host,
      names: [...names, ...ownAddresses(host)],
      ...(controlToken ? { controlToken } : {}),
      ...(page ? { page } : {}),
      baseDirectory: dirname(resolve(config)),
      ...(state === undefined ? {} : { stateDirectory: resolve(state) }),
    }),
  ).catch((error: unknown) => {
    interrupt.release();
    throw portError(error, { ...flags, port, httpsPort, amqpsPort }) ?? directoryError(error, state);
  });
  const { idScope, hubs, ca } = emulator;
  if (ca.replaced) {
    output.warning(
      `${ca.path} or its key was damaged or had run out; a new root took its place: copy it to what trusts the old one`,
    );
  }
  for (const notice of emulator.notices) output.warning(notice);
  const { serviceHost: dps } = emulator;
  const ready = {
    event: "ready",
    port: emulator.port,
    httpsPort: emulator.httpsPort,
    amqpsPort: emulator.amqpsPort,
    idScope,
    ca: ca.path,
    hubs,
    dps,
  };
  const place = placeOf(emulator, host, names);
  // Before it is said, for who then asks at once.
  const withdraw = announced(emulator, place.local, context, output);
  output.event(ready, `DPS ${idScope} and ${hubs.join(", ")} on ${host}:${emulator.port}`, "green");
  output.line(`root to trust: ${ca.path}`);
  output.line(`APIs for services of ${[...hubs, dps].join(", ")}, and its own: ${place.url}`);
  output.line(
    `AMQP for services, telemetry too: port ${emulator.amqpsPort}, or WebSocket on ${emulator.httpsPort}`,
  );
  for (const line of hints(emulator, configuration, place)) output.line(line);
  tellPage(emulator.pageAddress, output);
  if (emulator.controlToken !== undefined && !flags.connectionStrings)
    output.line("its own API asks for a token; --connection-strings prints it");
  if (flags.connectionStrings) {
    for (const { host, policy, connectionString } of [
      ...emulator.connectionStrings,
      ...emulator.eventsConnectionStrings,
    ])
      output.event({ event: "connection-string", host, policy, connectionString }, connectionString);
    const { controlToken } = emulator;
    if (controlToken !== undefined)
      output.event({ event: "control-token", token: controlToken }, `token of its own API: ${controlToken}`);
  }
  reportEvents(emulator, output);
  const { signal } = interrupt;
  if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
  withdraw();
  await emulator.stop().catch((error: unknown) => {
    throw directoryError(error, state);
  });
  output.event({ event: "stopped" }, "stopped");
}

/** Where the page is. Its address holds the key of the session, and goes to this terminal only. */
export function tellPage(address: string | undefined, output: Output): void {
  if (address !== undefined) output.event({ event: "page", address }, `Page: ${address}`);
}

/** Tells the other commands on this computer; that they cannot be told stops nothing. */
function announced(emulator: Emulator, local: string, context: CommandContext, output: Output): () => void {
  try {
    return announce(berthHome(context), runningOf(emulator, local));
  } catch (error) {
    output.warning(
      `berth hub and the like will not find it by themselves: ${(error as Error).message}; BERTH_HOME names another directory`,
    );
    return () => {};
  }
}

function portError(
  error: unknown,
  flags: Pick<EmulatorFlags, "port" | "httpsPort" | "amqpsPort" | "host" | "page">,
): BerthError | SystemFailure | undefined {
  if (!isSystemError(error) || error.syscall !== "listen") return undefined;
  if (error.code === "EADDRNOTAVAIL")
    return new BerthError(
      "invalid-argument",
      `--host: ${flags.host} is no address of this computer; take one of its, or 0.0.0.0`,
    );
  const { port: taken } = error as NodeJS.ErrnoException & { port?: number };
  const ports = [
    ["--port", flags.port],
    ["--https-port", flags.httpsPort],
    ["--amqps-port", flags.amqpsPort],
    ["--page", flags.page],
  ] as const;
  // Of two that are the same, the later one finds it taken.
  const [option, port] = ports.findLast(([, one]) => one === taken) ?? ports[0];
  const reason =
    error.code === "EADDRINUSE"
      ? `is in use; stop what holds it, or take ${option} 0`
      : error.code === "EACCES"
        ? `is not allowed to you; take one from 1024, or ${option} 0`
        : `cannot be listened on (${error.code}); take another, or ${option} 0`;
  return new SystemFailure(error.code, `${option}: ${port} ${reason}`);
}

/** Without `--state` its files are temporary ones. */
function directoryError(error: unknown, state: string | undefined): unknown {
  return state === undefined ? systemError(error, undefined, tmpdir()) : stateError(error, state);
}

/** What is exported is taken over where it lies as `state.json` in a directory without a state. */
async function exportState(file: string, state: string | undefined, output: Output): Promise<void> {
  if (state === undefined)
    throw new BerthError("invalid-argument", "--export: name the directory that has the state by --state");
  const directory = resolve(state);
  const stored = await readState(directory);
  if (!stored)
    throw new BerthError("invalid-argument", `--state: ${directory} holds no state of an emulator`);
  writeFileOf("--export", file, formatState(stored.document()));
  output.event({ event: "file", path: resolve(file) }, `made  ${file}`);
}

/** A file that is not there yet, for its owner only. */
function writeFileOf(option: string, file: string, text: string): void {
  if (existsSync(file)) {
    throw new BerthError(
      "invalid-argument",
      `${option}: ${file} is there already; move it away or take another name`,
    );
  }
  namingOption(option, file, () => {
    makeDirectory(dirname(resolve(file)));
    writeNew(resolve(file), text, 0o600);
  });
}

function writeExample(file: string, output: Output): void {
  const key = () => randomBytes(64).toString("base64");
  const symmetricKey = () => ({
    type: "symmetricKey",
    symmetricKey: { primaryKey: key(), secondaryKey: key() },
  });
  const example = {
    idScope: "0ne00000000",
    iotHubs: [{ name: "hub-1.example" }, { name: "hub-2.example" }],
    enrollments: [{ registrationId: "device-1", attestation: symmetricKey() }],
    enrollmentGroups: [{ enrollmentGroupId: "group-1", attestation: symmetricKey() }],
  };
  writeFileOf("--example", file, `${JSON.stringify(example, undefined, 2)}\n`);
  output.event(
    { event: "file", path: resolve(file) },
    `made  ${file}; start it with: npx berth emulator --config ${shellPath(file)}`,
  );
}
