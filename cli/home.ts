// SPDX-License-Identifier: MIT
import { homedir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "./context";

/** Where `berth` keeps what no option gives a place: `BERTH_HOME`, or `.berth` in the home directory. */
export function berthHome({ environment }: Pick<CommandContext, "environment">): string {
  return environment.BERTH_HOME || join(homedir(), ".berth");
}
