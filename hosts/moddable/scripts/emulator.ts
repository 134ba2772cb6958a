// SPDX-License-Identifier: MIT
/** Starts `berth emulator` for the simulated firmware, with an identity of its own. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { makeDirectory } from "../../node/durable-file";
import { spawnChild } from "./children";

/** @param directory keeps the emulator's configuration and state */
export async function startEmulator(
  project: string,
  directory: string,
): Promise<{ identity: Record<string, string | Uint8Array>; port: number; httpsPort: number; stop(): void }> {
  makeDirectory(directory);
  const berth = join(project, "cli", "berth.js");
  const config = join(directory, "emulator.json");
  if (!existsSync(config)) execFileSync(process.execPath, [berth, "emulator", "--example", config]);
  const child = spawnChild(
    process.execPath,
    [berth, "emulator", "--json", "--port", "0", "--config", config, "--state", join(directory, "state")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ready = await firstEvent(child);
  const { idScope, enrollments } = JSON.parse(readFileSync(config, "utf8"));
  const [enrollment] = enrollments;
  return {
    port: ready.port,
    httpsPort: ready.httpsPort,
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

function firstEvent(child: ChildProcess): Promise<{ port: number; httpsPort: number; ca: string }> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout as Readable });
    lines.on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "ready") resolve(event);
    });
    child.on("close", (status) => reject(new Error(`berth emulator ended with status ${status}`)));
  });
}
