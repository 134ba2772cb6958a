// SPDX-License-Identifier: MIT
import type { Command } from "commander";
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import { sasToken } from "../src/azure/sas";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import { KEY_HELP, KEY_VARIABLE, symmetricKeyFrom, wholeNumber, withJson } from "./options";
import { Output } from "./output";

interface SasFlags {
  readonly resource: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly expiry?: number;
  readonly ttl?: number;
  readonly policy?: string;
  readonly json: boolean;
}

const DEFAULT_LIFETIME = 3600;

/** `berth sas`: the token alone on standard output, because it is what was asked for. */
export function addSas(program: Command, context: CommandContext): void {
  const command = program
    .command("sas")
    .description("print a shared access signature, the MQTT password for DPS or a hub")
    .requiredOption("--resource <resource>", "what it is for: SCOPE/registrations/ID or HUB/devices/ID")
    .option("--key <base64>", `the device's symmetric key; default: ${KEY_VARIABLE}`)
    .option("--key-file <file>", "a file that holds the key")
    .option("--expiry <epoch>", "when it ends, in seconds since 1970", wholeNumber(1, 253_402_300_799))
    .option(
      "--ttl <seconds>",
      `when it ends, in seconds from now; default ${DEFAULT_LIFETIME}`,
      wholeNumber(1, 31_536_000),
    )
    .option(
      "--policy <name>",
      `"registration" for DPS; a service's policy with its key; none for a device at its hub`,
    )
    .addHelpText("after", KEY_HELP);
  withJson(command).action((flags: SasFlags) => {
    const key = symmetricKeyFrom(
      { option: flags.key, file: flags.keyFile, environment: context.environment[KEY_VARIABLE] },
      "--key-file",
    );
    if (key === undefined)
      throw new BerthError("invalid-argument", `no key; give --key-file, --key or ${KEY_VARIABLE}`);
    if (flags.expiry !== undefined && flags.ttl !== undefined) {
      throw new BerthError("invalid-argument", "--expiry and --ttl say the same thing; leave one out");
    }
    const expiry = flags.expiry ?? Math.floor(Date.now() / 1000) + (flags.ttl ?? DEFAULT_LIFETIME);
    const { resource, policy } = flags;
    if (resource.includes("://")) {
      throw new BerthError("invalid-argument", "--resource: leave out https://; give HUB/devices/ID");
    }
    const token = sasToken({ resource, expiry, policy }, new NodeSigner(key), text);
    const output = new Output(flags.json, context.streams);
    // Azure's own articles have had the singular; DPS answers it with 401.
    if (/^[^/]+\/registration\//.test(resource)) {
      context.streams.err(
        "berth: the resource of DPS is SCOPE/registrations/ID, in the plural; this one is refused\n",
      );
    }
    output.event({ event: "sas", token, resource, expiry, policy }, token);
  });
}
