// SPDX-License-Identifier: MIT
import { resolve } from "node:path";
import type { Command } from "commander";
import { connectionString, eventsConnectionString } from "../emulator/service/access-policies";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import { withJson } from "./options";
import { Output } from "./output";
import { readState } from "./state-directory";

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
    .description("devices, twins, methods and messages of an IoT Hub, the emulator's or Azure's");
  const command = hub
    .command("connection-string")
    .description("print the connection strings of an emulator's hubs and DPS, with their keys")
    .requiredOption("--state <directory>", "that of berth emulator, which may be running")
    .option("--host <name>", "only those of this hub, or of DPS")
    .option("--policy <name>", "only that of this policy, for example iothubowner")
    .option("--events", "those that read the telemetry of hubs, in the form of Event Hubs", false);
  withJson(command).action(async (flags: ConnectionStringFlags) => {
    const output = new Output(flags.json, context.streams);
    for (const policy of await chosen(flags)) {
      const { host, keyName } = policy;
      const text = flags.events ? eventsConnectionString(policy) : connectionString(policy);
      output.event({ event: "connection-string", host, policy: keyName, connectionString: text }, text);
    }
  });
}

async function chosen({ state, host, policy, events }: ConnectionStringFlags) {
  const directory = resolve(state);
  const stored = await readState(directory);
  if (!stored) {
    throw new BerthError(
      "invalid-argument",
      `--state: ${directory} holds no state of an emulator; berth emulator --state writes it at its start`,
    );
  }
  const all = stored.policies.filter(({ rights }) => !events || rights.includes("ServiceConnect"));
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
