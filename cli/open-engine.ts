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
      "where the device's code runs: node; native, the engine of the chip with TLS and HMAC in C",
    )
      .choices(ENGINE_NAMES)
      .default("node"),
  );
}

/**
 * The engine of that name, built where it has to be; says which one it is.
 * @throws BerthError `invalid-argument` where it cannot be built; the message says what to install
 */
export async function openEngine(name: EngineName, output: Output): Promise<DeviceEngine> {
  const engine = await open(name, (line) => output.warning(line));
  output.event(
    { event: "engine", engine: engine.name, title: engine.title },
    name === "node" ? undefined : `Engine: ${engine.title}`,
  );
  return engine;
}

/** Loads only what it needs: Node's engine takes no compiler. */
async function open(name: EngineName, log: (line: string) => void): Promise<DeviceEngine> {
  switch (name) {
    case "node":
      return nodeEngine;
    case "native":
      return (await import("./native-engine")).openNativeEngine(log);
  }
}
