// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { newSigningKey, signRoots } from "../factory/root-bundle";
import { replaceDurably } from "../hosts/node/durable-file";
import { ROOTS_PROPERTY } from "../src/credentials/signed-roots";
import { BerthError } from "../src/error";
import type { CommandContext } from "./context";
import { wholeNumber, withJson } from "./options";
import { Output } from "./output";

/** `berth roots`: the key that signs roots for devices in the field, and bundles of them. */
export function addRoots(program: Command, context: CommandContext): void {
  const roots = program
    .command("roots")
    .description("roots for devices in the field, delivered in a desired property and signed");
  withJson(
    roots
      .command("key")
      .description("make the key that signs; its public half goes into the firmware (rootsKey)")
      .requiredOption("--out <file>", "gets the private key, PKCS #8 in PEM; nothing is written over"),
  ).action(({ out, json }: { out: string; json: boolean }) => {
    if (existsSync(out)) throw new BerthError("invalid-argument", `--out: ${out} exists; give another name`);
    const { privateKeyPem, publicKey } = newSigningKey();
    replaceDurably(out, Buffer.from(privateKeyPem));
    new Output(json, context.streams).event({ event: "rootsKey", publicKey, file: out }, publicKey);
  });
  withJson(
    roots
      .command("sign")
      .description(`print a bundle as desired properties: {"${ROOTS_PROPERTY}": …}`)
      .argument(
        "<roots...>",
        "all roots that DPS and hub need, PEM or DER: devices trust these alone afterwards",
      )
      .requiredOption("--key <file>", "the private key of berth roots key")
      .requiredOption(
        "--counter <number>",
        "above that of any bundle signed before: devices take none that is not",
        wholeNumber(1, 4_294_967_295),
      ),
  ).action((files: string[], flags: { key: string; counter: number; json: boolean }) => {
    const { bundle, publicKey, names } = signRoots(files, flags.key, flags.counter, Date.now());
    const desired = { [ROOTS_PROPERTY]: bundle };
    new Output(flags.json, context.streams).event(
      { event: "roots", desired, publicKey, names },
      JSON.stringify(desired),
    );
  });
}
