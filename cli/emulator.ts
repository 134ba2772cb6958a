// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { parseConfiguration } from "../emulator/configuration-reader";
import { configurationSchema } from "../emulator/configuration-schema";
import { Emulator } from "../emulator/emulator";
import { parseFaults } from "../emulator/fault-reader";
import { shellPath } from "../factory/shell-word";
import { BerthError } from "../src/error";
import { writeNew } from "./certificates";
import type { CommandContext } from "./context";
import { reportEvents } from "./emulator-events";
import { readText, wholeNumber, withJson, withPage, withPagePort } from "./options";
import { Output } from "./output";
import { onInterrupt } from "./signals";
import { stateError } from "./state-directory";
import { isSystemError, namingOption, systemError } from "./system-error";

interface EmulatorFlags {
  readonly config?: string;
  readonly port: number;
  readonly httpsPort: number;
  readonly connectionStrings: boolean;
  readonly state?: string;
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
    .description("run a local DPS and its IoT Hubs on 127.0.0.1")
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
    .option("--connection-strings", "print those of hubs and DPS, with their keys, at the start", false)
    .option("--state <directory>", "keeps registrations, twins and the test CA; default: nothing is kept")
    .option("--seed <number>", "seed of the fault injector", wholeNumber(0, 0xffff_ffff), 1);
  withJson(withPage(command)).action((flags: EmulatorFlags) => {
    const output = new Output(flags.json, context.streams);
    if (flags.schema) {
      context.streams.out(`${JSON.stringify(configurationSchema(), undefined, 2)}\n`);
      return undefined;
    }
    return flags.example === undefined ? run(flags, output) : writeExample(flags.example, output);
  });
}

async function run(flags: EmulatorFlags, output: Output): Promise<void> {
  const { config, port, httpsPort, state } = flags;
  if (config === undefined) {
    throw new BerthError(
      "invalid-argument",
      "no --config; npx berth emulator --example FILE.json writes one to start from",
    );
  }
  const text = readText(config, "--config");
  const interrupt = onInterrupt();
  const configuration = parseConfiguration(text, config);
  const emulator = await withPagePort(flags.page, (page) =>
    Emulator.start({
      configuration,
      faults: parseFaults(text, config),
      seed: flags.seed,
      port,
      httpsPort,
      baseDirectory: dirname(resolve(config)),
      ...(page ? { page } : {}),
      ...(state === undefined ? {} : { stateDirectory: resolve(state) }),
    }),
  ).catch((error: unknown) => {
    interrupt.release();
    throw portError(error, flags) ?? directoryError(error, state);
  });
  const { idScope, hubs, ca } = emulator;
  if (ca.replaced) {
    output.warning(
      `${ca.path} or its key was damaged or had run out; a new root took its place: copy it to what trusts the old one`,
    );
  }
  const { serviceHost: dps } = emulator;
  const ready = {
    event: "ready",
    port: emulator.port,
    httpsPort: emulator.httpsPort,
    idScope,
    ca: ca.path,
    hubs,
    dps,
  };
  output.event(
    ready,
    `DPS ${idScope} and ${hubs.join(", ")} on 127.0.0.1:${emulator.port}; root to trust: ${ca.path}`,
  );
  output.line(`APIs for services of ${[...hubs, dps].join(", ")} on https://127.0.0.1:${emulator.httpsPort}`);
  tellPage(emulator.pageAddress, output);
  if (flags.connectionStrings) {
    for (const { host, policy, connectionString } of emulator.connectionStrings)
      output.event({ event: "connection-string", host, policy, connectionString }, connectionString);
  }
  reportEvents(emulator, output);
  const { signal } = interrupt;
  if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
  await emulator.stop().catch((error: unknown) => {
    throw directoryError(error, state);
  });
  output.event({ event: "stopped" }, "stopped");
}

/** Where the page is. Its address holds the key of the session, and goes to this terminal only. */
export function tellPage(address: string | undefined, output: Output): void {
  if (address !== undefined) output.event({ event: "page", address }, `Page: ${address}`);
}

function portError(error: unknown, flags: EmulatorFlags): BerthError | undefined {
  if (!isSystemError(error) || error.syscall !== "listen") return undefined;
  const taken = (error as NodeJS.ErrnoException & { port?: number }).port;
  const [option, port] =
    taken === flags.page && taken !== flags.port
      ? ["--page", flags.page]
      : taken === flags.httpsPort && taken !== flags.port
        ? ["--https-port", flags.httpsPort]
        : ["--port", flags.port];
  const reason =
    error.code === "EADDRINUSE"
      ? `is in use; stop what holds it, or take ${option} 0`
      : error.code === "EACCES"
        ? `is not allowed to you; take one from 1024, or ${option} 0`
        : `cannot be listened on (${error.code}); take another, or ${option} 0`;
  return new BerthError("invalid-argument", `${option}: ${port} ${reason}`);
}

/** Without `--state` its files are temporary ones. */
function directoryError(error: unknown, state: string | undefined): unknown {
  return state === undefined ? systemError(error, undefined, tmpdir()) : stateError(error, state);
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
  if (existsSync(file)) {
    throw new BerthError(
      "invalid-argument",
      `--example: ${file} is there already; move it away or take another name`,
    );
  }
  namingOption("--example", file, () => {
    mkdirSync(dirname(resolve(file)), { recursive: true, mode: 0o700 });
    writeNew(resolve(file), `${JSON.stringify(example, undefined, 2)}\n`, 0o600);
  });
  output.event(
    { event: "file", path: resolve(file) },
    `made  ${file}; start it with: npx berth emulator --config ${shellPath(file)}`,
  );
}
