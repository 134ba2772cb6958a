// SPDX-License-Identifier: MIT
import type { Command } from "commander";
import { NodeSigner } from "../hosts/node/signer";
import { text } from "../hosts/node/text";
import { checkRegistrationId } from "../src/azure/identifiers";
import { deriveDeviceKey } from "../src/azure/sas";
import { BerthError } from "../src/error";
import { makeCertificates } from "./certificates";
import type { CommandContext } from "./context";
import { addEfuse } from "./efuse";
import { addFactory } from "./factory";
import { KEY_HELP, KEY_VARIABLE, symmetricKeyFrom, wholeNumber, withJson } from "./options";
import { Output } from "./output";
import { systemError } from "./system-error";

interface DeriveFlags {
  readonly groupKey?: string;
  readonly groupKeyFile?: string;
  readonly registrationId: string;
  readonly json: boolean;
}

interface CertificateFlags {
  readonly registrationId: string;
  readonly directory: string;
  readonly days: number;
  readonly keyType: "ec-p256" | "rsa-2048";
  readonly groupId: string;
  readonly json: boolean;
}

/** `berth identity ...`: what a device needs to prove who it is. */
export function addIdentity(program: Command, context: CommandContext): void {
  const identity = program
    .command("identity")
    .description("derive a device's key, make test certificates, write identities for boards");
  addDerive(identity, context);
  addCertificates(identity, context);
  addFactory(identity, context);
  addEfuse(identity, context);
}

function addDerive(identity: Command, context: CommandContext): void {
  const command = identity
    .command("derive")
    .description("print the key of one device of an enrollment group")
    .option("--group-key <base64>", `primary or secondary key of the group; default: ${KEY_VARIABLE}`)
    .option("--group-key-file <file>", "a file that holds it")
    .requiredOption("--registration-id <id>", "the device; use lower case, the key depends on it")
    .addHelpText("after", `${KEY_HELP}\nThe group's key belongs into the factory, never onto a device.`);
  withJson(command).action((flags: DeriveFlags) => {
    const groupKey = symmetricKeyFrom(
      {
        option: flags.groupKey,
        file: flags.groupKeyFile,
        environment: context.environment[KEY_VARIABLE],
      },
      "--group-key-file",
    );
    if (groupKey === undefined) {
      throw new BerthError(
        "invalid-argument",
        `no key; give --group-key-file, --group-key or ${KEY_VARIABLE}`,
      );
    }
    const registrationId = checkRegistrationId(flags.registrationId);
    const key = deriveDeviceKey(registrationId, new NodeSigner(groupKey), text);
    new Output(flags.json, context.streams).event({ event: "key", registrationId, key }, key);
  });
}

function addCertificates(identity: Command, context: CommandContext): void {
  const command = identity
    .command("certificates")
    .description("make a test root, an intermediate, a device certificate, and the enrollments that fit them")
    .requiredOption("--registration-id <id>", "the device: common name of its certificate")
    .option(
      "--directory <directory>",
      "where the files go; root and intermediate that are there are used again",
      ".",
    )
    .option("--group-id <id>", "name of the enrollment group", "berth-test-group")
    .option("--days <days>", "validity of the device's certificate", wholeNumber(1, 3650), 365)
    .option("--key-type <type>", "ec-p256 or rsa-2048", "ec-p256")
    .addHelpText("after", "\nFor tests only: the root's key lies unencrypted beside its certificate.");
  withJson(command).action(async (flags: CertificateFlags) => {
    if (flags.keyType !== "ec-p256" && flags.keyType !== "rsa-2048") {
      throw new BerthError("invalid-argument", "--key-type is ec-p256 or rsa-2048");
    }
    const files = await makeCertificates({
      ...flags,
      registrationId: checkRegistrationId(flags.registrationId),
      groupId: checkRegistrationId(flags.groupId),
    }).catch((error: unknown) => {
      throw systemError(error, "--directory", flags.directory);
    });
    const output = new Output(flags.json, context.streams);
    for (const { what, path, made } of files) {
      output.event({ event: "file", what, path, made }, `${made ? "made" : "kept"}  ${path}  ${what}`);
    }
  });
}
