// SPDX-License-Identifier: MIT
import { type Command, Option } from "commander";
import { type DeviceEngine, ENGINE_NAMES, type EngineName } from "./device-engine";
import { nodeEngine } from "./node-engine";
import type { Output } from "./output";

/** Adds `--engine`. */
export function withEngine(command: Command): Command {
  return command.addOption(
    new Option(
      "--engine <engine>",
      "where the device's code runs: node; xs, the engine of the chip; native, that with TLS and HMAC in C",
    )
      .choices(ENGINE_NAMES)
      .default("node"),
  );
}

/**
 * The engine of that name, built where it has to be; says which one it is. XS that cannot be built gives one line that
 * says why, and Node's engine; in CI it is an error.
 * @throws BerthError `invalid-argument` where it cannot be built; the message says what to install
 */
export async function openEngine(name: EngineName, output: Output): Promise<DeviceEngine> {
  const engine = await open(name, (line) => output.warning(line));
  const instead = engine.name === name ? "" : `, in place of ${name}`;
  output.event(
    { event: "engine", engine: engine.name, title: engine.title },
    name === "node" ? undefined : `Engine: ${engine.title}${instead}`,
  );
  return engine;
}

/** Loads only what it needs: Node's engine takes no compiler. */
async function open(name: EngineName, log: (line: string) => void): Promise<DeviceEngine> {
  switch (name) {
    case "node":
      return nodeEngine;
    case "xs":
      return (await (await import("./xs-engine")).openXsEngine(log)) ?? nodeEngine;
    case "native":
      return (await import("./native-engine")).openNativeEngine(log);
  }
}
