// SPDX-License-Identifier: MIT
/**
 * What an emulator that runs leaves for the other commands on this computer: a file, for its owner's eyes only, that is
 * gone when the emulator has ended.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Emulator } from "../../emulator/emulator";
import { makeDirectory, replaceDurably } from "../../hosts/node/durable-file";

const RUNNING = v.object({
  pid: v.number(),
  /** The address to reach it at. */
  address: v.string(),
  /** Of MQTT. */
  port: v.number(),
  httpsPort: v.number(),
  amqpsPort: v.number(),
  idScope: v.string(),
  /** PEM. */
  root: v.string(),
  controlToken: v.optional(v.string()),
  hubs: v.array(v.string()),
  dps: v.string(),
  /** Of each hub and of DPS, that of the policy that may do everything. */
  connectionStrings: v.array(v.string()),
});

/** An emulator that runs. */
export type Running = v.InferOutput<typeof RUNNING>;

/** The policies that may do everything. */
const OWNERS: readonly string[] = ["iothubowner", "provisioningserviceowner"];

/** What is told of an emulator in this process. @param address to reach it at */
export function runningOf(emulator: Emulator, address: string): Running {
  const {
    hubs,
    serviceHost: dps,
    idScope,
    port,
    httpsPort,
    amqpsPort,
    controlToken,
    connectionStrings,
  } = emulator;
  const owners = connectionStrings.filter(({ policy }) => OWNERS.includes(policy));
  return {
    pid: process.pid,
    address,
    port,
    httpsPort,
    amqpsPort,
    idScope,
    root: emulator.ca.pem,
    ...(controlToken === undefined ? {} : { controlToken }),
    hubs: [...hubs],
    dps,
    connectionStrings: owners.map(({ connectionString }) => connectionString),
  };
}

function directoryIn(home: string): string {
  return join(home, "emulators");
}

/** Tells the others. @returns what takes it back @throws the file system's error */
export function announce(home: string, running: Running): () => void {
  const directory = directoryIn(home);
  makeDirectory(directory);
  const path = join(directory, `${running.pid}.json`);
  replaceDurably(path, Buffer.from(JSON.stringify(running)));
  return () => rmSync(path, { force: true });
}

/** The emulators that run, by their port. What one that was killed has left behind is removed. */
export function runningEmulators(home: string): Running[] {
  const directory = directoryIn(home);
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => /^\d+\.json$/.test(name));
  } catch {
    // Nobody has ever started one.
    return [];
  }
  return names.flatMap((name) => readOne(join(directory, name))).sort((one, other) => one.port - other.port);
}

function readOne(path: string): Running[] {
  try {
    const running = v.parse(RUNNING, JSON.parse(readFileSync(path, "utf8")));
    if (isAlive(running.pid)) return [running];
    rmSync(path, { force: true });
  } catch {
    // It has ended this moment, or another version wrote it.
  }
  return [];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is another user's, and there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
