// SPDX-License-Identifier: MIT
/** What the SDK hands in for a device, and what every `berth` module has beside its class. */
import config from "mc/config";
import type { PlatformSources } from "./device-host";
import { builtInRoots, createModdableHost, loadPreferences } from "./host";

export function sources(): PlatformSources {
  return {
    preferences: loadPreferences(),
    config,
    roots: builtInRoots(),
    createHost: createModdableHost,
  };
}

/** One line for people: to xsbug, or to the console of a simulator; a release build on a board prints none. */
export function log(line: string): void {
  trace(`${line}\n`);
}
