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

/** The SDK that MODDABLE names, built or not. @throws Error when there is none */
export function locateSdk(): Sdk | undefined {
  const directory = process.env.MODDABLE;
  if (!directory) return undefined;
  if (!existsSync(join(directory, ...CLIENT))) {
    throw new Error(`MODDABLE is "${directory}", which is no Moddable SDK: no ${CLIENT.join("/")} in it`);
  }
  const version = join(directory, "tools", "VERSION");
  return { directory, version: existsSync(version) ? readFileSync(version, "utf8").trim() : "unknown" };
}

const CLIENT = ["examples", "io", "tcp", "mqttclient", "mqttclient.js"];

/** The source of its ECMA-419 MQTT client. */
export function clientSource({ directory }: Sdk): string {
  return readFileSync(join(directory, ...CLIENT), "utf8");
}
