// SPDX-License-Identifier: MIT
/** Starts `berth emulator` for the simulated firmware, with an identity of its own. */
import { execFileSync, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { forwardSignals } from "./moddable-children.mjs";

/**
 * @param {string} project
 * @param {string} directory keeps the emulator's configuration and state
 * @returns {Promise<{ identity: Record<string, string | Uint8Array>, port: number, stop(): void }>}
 */
export async function startEmulator(project, directory) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const berth = join(project, "cli", "berth.js");
  const config = join(directory, "emulator.json");
  if (!existsSync(config)) execFileSync(process.execPath, [berth, "emulator", "--example", config]);
  const child = spawn(
    process.execPath,
    [berth, "emulator", "--json", "--port", "0", "--config", config, "--state", join(directory, "state")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  forwardSignals(child);
  const ready = await firstEvent(child);
  const { idScope, enrollments } = JSON.parse(readFileSync(config, "utf8"));
  const [enrollment] = enrollments;
  return {
    port: ready.port,
    identity: {
      idScope,
      registrationId: enrollment.registrationId,
      symmetricKey: enrollment.attestation.symmetricKey.primaryKey,
      root: new X509Certificate(readFileSync(ready.ca)).raw,
    },
    stop: () => {
      child.kill("SIGTERM");
    },
  };
}

/**
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, null>} child
 * @returns {Promise<{ port: number, ca: string }>}
 */
function firstEvent(child) {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "ready") resolve(event);
    });
    child.on("close", (status) => reject(new Error(`berth emulator ended with status ${status}`)));
  });
}
