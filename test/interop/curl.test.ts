// SPDX-License-Identifier: MIT
/** The lines of emulator/README.md for curl, run as they stand but for the port and the directory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { dpsToken, HUB, hubToken, KEY, startEmulator } from "../helpers/emulator-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
});
afterAll(() => emulator.stop());

const lines = readFileSync(join(process.cwd(), "emulator", "README.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("curl "));

/** Runs a line until it ends, or has said something: events have no end. */
async function run(line: string): Promise<string> {
  const own = line
    .replace(/:8443\b/, `:${emulator.httpsPort}`)
    .replace(/\S*ca\/root\.pem/, join(dirname(emulator.ca.path), "root.pem"));
  const child = spawn(
    "sh",
    ["-c", `exec ${own.replace("curl ", "curl --silent --show-error --no-buffer ")}`],
    { env: { ...process.env, DPS_TOKEN: dpsToken("dev-1"), HUB_TOKEN: hubToken("dev-1") } },
  );
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    child.kill();
  });
  await once(child, "close");
  return text;
}

test("there are such lines", () => expect(lines.length).toBeGreaterThan(2));

test.each(lines)("%s", async (line) => {
  const answer = JSON.parse(await run(line));
  const path = /8443(\/\w+)/.exec(line)?.[1];
  if (path === "/health") expect(answer).toMatchObject({ status: "ready" });
  if (line.includes("/register?")) expect(answer).toMatchObject({ status: "assigning" });
  if (line.includes("/messages/deviceBound")) expect(answer).toBe(204);
  if (line.includes("/messages/events")) {
    expect(answer).toBe(204);
    expect(emulator.telemetry.at(-1)?.body.toString()).toBe('{"temperature":21}');
  }
  if (path === "/events") expect(answer).toMatchObject({ event: "listening" });
  if (path === "/faults") {
    expect(answer).toMatchObject({ id: 1, rule: { step: "connack", returnCode: 3 } });
    expect(emulator.faults.list()).toHaveLength(1);
  }
});
