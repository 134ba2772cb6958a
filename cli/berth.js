#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Runs dist/, in a checkout after it was brought to what the sources are. Nothing is imported, and nothing written, that an
// older Node.js cannot read before it has said what is wrong.

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 20 || (major === 20 && minor >= 19)) run();
else {
  console.error(
    `berth: Node.js ${process.versions.node} is too old; take 20.19 or later from https://nodejs.org`,
  );
  process.exitCode = 1;
}

async function run() {
  const { existsSync } = await import("node:fs");
  // The package has no scripts.
  if (existsSync(new URL("../scripts/dist-state.js", import.meta.url))) {
    const { refreshDist } = await import("../scripts/dist-state.js");
    if (!refreshDist()) {
      process.exitCode = 1;
      return;
    }
  }
  // Nobody reads any more (`berth device --json | head -1`): end in order, as after SIGTERM.
  process.stdout.once("error", (error) => {
    process.stdout.on("error", () => undefined);
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EPIPE") throw error;
    process.kill(process.pid, "SIGTERM");
  });
  /** @type {typeof import("./main")} */
  const { main } = await import(new URL("../dist/command.js", import.meta.url).href);
  process.exitCode = await main(process.argv);
}
