// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { connectionString, eventsConnectionString } from "../emulator/service/access-policies";
import { StateStore } from "../emulator/state";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import { withJson } from "./options";
import { Output } from "./output";
import { systemError } from "./system-error";

interface ConnectionStringFlags {
  readonly state: string;
  readonly host?: string;
  readonly policy?: string;
  readonly events: boolean;
  readonly json: boolean;
}

/** `berth hub ...`: what a service needs to work with the emulator's hubs and DPS. */
export function addHub(program: Command, context: CommandContext): void {
  const hub = program
    .command("hub")
    .description("what services need to work with the emulator's hubs and DPS");
  const command = hub
    .command("connection-string")
    .description("print the connection strings of an emulator's hubs and DPS, with their keys")
    .requiredOption("--state <directory>", "that of berth emulator, which may be running")
    .option("--host <name>", "only those of this hub, or of DPS")
    .option("--policy <name>", "only that of this policy, for example iothubowner")
    .option("--events", "those that read the telemetry of hubs, in the form of Event Hubs", false);
  withJson(command).action((flags: ConnectionStringFlags) => {
    const output = new Output(flags.json, context.streams);
    for (const policy of chosen(flags)) {
      const { host, keyName } = policy;
      const text = flags.events ? eventsConnectionString(policy) : connectionString(policy);
      output.event({ event: "connection-string", host, policy: keyName, connectionString: text }, text);
    }
  });
}

function chosen({ state, host, policy, events }: ConnectionStringFlags) {
  const directory = resolve(state);
  if (!existsSync(join(directory, "state.json"))) {
    throw new BerthError(
      "invalid-argument",
      `--state: ${directory} holds no state.json; berth emulator --state writes it at its start`,
    );
  }
  const all = policiesIn(directory).filter(({ rights }) => !events || rights.includes("ServiceConnect"));
  const found = all.filter(
    (one) => (host ?? one.host) === one.host && (policy ?? one.keyName) === one.keyName,
  );
  if (found.length > 0) return found;
  throw new BerthError(
    "invalid-argument",
    `--host, --policy: there is no such policy; take one of ${words(all.map((one) => one.keyName))} of ${words(all.map((one) => one.host))}`,
  );
}

/** Each once. */
function words(names: readonly string[]): string {
  return [...new Set(names)].join(", ");
}

function policiesIn(directory: string) {
  try {
    return new StateStore(directory).policies;
  } catch (error) {
    throw systemError(error, "--state", directory);
  }
}
