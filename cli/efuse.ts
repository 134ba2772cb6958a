// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import {
  checkEfuseBlock,
  checkEfuseChip,
  EFUSE_CHIPS,
  efuseKey,
  efuseSteps,
  IRREVERSIBLE,
} from "../factory/efuse";
import { replaceDurably } from "../hosts/node/durable-file";
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import { checkRegistrationId } from "../src/azure/identifiers";
import { deriveDeviceKey } from "../src/azure/sas";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import { KEY_HELP, KEY_VARIABLE, symmetricKeyFrom, withJson } from "./options";
import { Output } from "./output";
import { namingOption } from "./system-error";

interface EfuseFlags {
  readonly chip: string;
  readonly block: string;
  readonly symmetricKey?: string;
  readonly symmetricKeyFile?: string;
  readonly groupKeyFile?: string;
  readonly registrationId?: string;
  readonly out?: string;
  readonly json: boolean;
}

/** Stands for the key's file where none was written. */
const KEY_FILE = "KEY.bin";

/** `berth identity efuse`: how a symmetric key gets into eFuse. It touches no chip. */
export function addEfuse(identity: Command, context: CommandContext): void {
  const command = identity
    .command("efuse")
    .description("print the steps that burn a device's symmetric key into eFuse, for the HMAC peripheral")
    .requiredOption("--chip <chip>", EFUSE_CHIPS.join(", "))
    .requiredOption("--block <number>", "KEY block, 0 to 5: BLOCK_KEY0 to BLOCK_KEY5 of espefuse")
    .option("--symmetric-key <base64>", `the device's key; default: ${KEY_VARIABLE}`)
    .option("--symmetric-key-file <file>", "a file that holds it")
    .option("--group-key-file <file>", "a file with the group's key: the device's key is derived")
    .option("--registration-id <id>", "the device, with --group-key-file")
    .option("--out <file>", "write the 32 bytes that espefuse burns; without it no key is written")
    .addHelpText(
      "after",
      `${KEY_HELP}\n\n${IRREVERSIBLE}\nThe commands are those of esptool 5 (ESP-IDF 6); before, espefuse is espefuse.py and burn-key is burn_key.`,
    );
  withJson(command).action((flags: EfuseFlags) => {
    const chip = checkEfuseChip(flags.chip);
    const block = checkEfuseBlock(flags.block);
    const symmetricKey = symmetricKeyOf(flags, context);
    // Its length is the point of giving it.
    const key = symmetricKey === undefined ? undefined : efuseKey(symmetricKey);
    const file = flags.out === undefined ? undefined : writeKey(flags.out, key);
    const output = new Output(flags.json, context.streams);
    output.warning(IRREVERSIBLE);
    const checked = key === undefined ? "no key was given, so none was checked" : "the key fits";
    const written = file === undefined ? "no file was written; --out FILE writes it" : `made  ${file}`;
    output.event({ event: "efuse", chip, block, checked: key !== undefined, file }, `${checked}; ${written}`);
    for (const [at, { command, expect }] of efuseSteps(chip, block, file ?? KEY_FILE).entries()) {
      output.event({ event: "step", command, expect }, `${at + 1}. ${command}`);
      output.line(`   ${expect}`);
    }
    output.line(`Then delete the file, and give the device efuseBlock ${block} (berth identity factory).`);
  });
}

/** @throws BerthError `invalid-argument` for keys given twice, or none where one is needed */
function symmetricKeyOf(flags: EfuseFlags, context: CommandContext): string | undefined {
  const { groupKeyFile, registrationId, symmetricKey, symmetricKeyFile } = flags;
  if (groupKeyFile === undefined) {
    if (registrationId !== undefined)
      throw new BerthError("invalid-argument", "--registration-id goes with --group-key-file");
    const environment = context.environment[KEY_VARIABLE];
    const sources = { option: symmetricKey, file: symmetricKeyFile, environment };
    return symmetricKeyFrom(sources, "--symmetric-key-file")?.trim();
  }
  if (symmetricKey !== undefined || symmetricKeyFile !== undefined)
    throw new BerthError("invalid-argument", "a device's key and a group's; give one of them");
  if (registrationId === undefined)
    throw new BerthError("invalid-argument", "--group-key-file needs --registration-id");
  const groupKey = symmetricKeyFrom({ file: groupKeyFile }, "--group-key-file") ?? "";
  return deriveDeviceKey(checkRegistrationId(registrationId), new NodeSigner(groupKey), text);
}

function writeKey(out: string, key: Uint8Array | undefined): string {
  if (key === undefined)
    throw new BerthError(
      "invalid-argument",
      "--out needs a key; give --symmetric-key-file or --group-key-file",
    );
  const path = resolve(out);
  if (existsSync(path))
    throw new BerthError("invalid-argument", `${path} is there already; move it away or take another --out`);
  namingOption("--out", path, () => replaceDurably(path, key));
  return out;
}
