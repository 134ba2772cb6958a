#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The TypeScript sources run as they are: tsx strips the types when a module is loaded.
import { register } from "tsx/esm/api";

register();
// Nobody reads any more (`berth device --json | head -1`): end in order, as after SIGTERM.
process.stdout.once("error", (error) => {
  process.stdout.on("error", () => undefined);
  if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EPIPE") throw error;
  process.kill(process.pid, "SIGTERM");
});
const { main } = await import("./main");
process.exitCode = await main(process.argv);
