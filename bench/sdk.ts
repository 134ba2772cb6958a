// SPDX-License-Identifier: MIT
/** The Moddable SDK on this computer: where its files are, and what is said where it is not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Sdk {
  readonly directory: string;
  readonly version: string;
}

/** What was left out, in one line. */
export const NO_SDK = "MODDABLE is not set: nothing of the Moddable SDK is measured";

/** @throws Error when MODDABLE names no SDK */
export function findSdk(): Sdk | undefined {
  const directory = process.env.MODDABLE;
  if (!directory) return undefined;
  const sdk = { directory, version: "" };
  if (!existsSync(join(directory, ...CLIENT))) {
    throw new Error(`MODDABLE is "${directory}", which is no Moddable SDK: no ${CLIENT.join("/")} in it`);
  }
  const version = join(directory, "tools", "VERSION");
  return { ...sdk, version: existsSync(version) ? readFileSync(version, "utf8").trim() : "unknown" };
}

const CLIENT = ["examples", "io", "tcp", "mqttclient", "mqttclient.js"];

/** The source of its ECMA-419 MQTT client. */
export function clientSource({ directory }: Sdk): string {
  return readFileSync(join(directory, ...CLIENT), "utf8");
}
