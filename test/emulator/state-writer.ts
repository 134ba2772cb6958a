// SPDX-License-Identifier: MIT
/**
 * Changes devices in the state of a directory without end, for state-store.test.ts, and says `ID VERSION` of each change once
 * it is on disk.
 */
import { writeSync } from "node:fs";
import { type DeviceRecord, newTwin } from "../../emulator/records";
import { StateStore } from "../../emulator/state";

const HUB = "hub.example";
const [directory] = process.argv.slice(2);
const store = await StateStore.open(directory!);
const devices = store.devicesOf(HUB);

function device(deviceId: string): DeviceRecord {
  const known = devices.get(deviceId);
  if (known) return known;
  const made: DeviceRecord = {
    deviceId,
    status: "enabled",
    authentication: {
      type: "symmetricKey",
      symmetricKey: { primaryKey: Buffer.alloc(32).toString("base64") },
    },
    twin: newTwin(),
    queue: [],
  };
  devices.set(deviceId, made);
  return made;
}

/** As a hub does when a device reports. */
async function report(deviceId: string): Promise<number> {
  const found = device(deviceId);
  const version = ++found.twin.reportedVersion;
  found.twin.reported = { version, padding: "y".repeat(version % 5000) };
  store.touched(HUB, found);
  await store.settled();
  return version;
}

/** At once: a stream might hold it back, and the kill come first. */
const say = (line: string) => writeSync(1, `${line}\n`);

async function busy(deviceId: string): Promise<void> {
  for (;;) say(`${deviceId} ${await report(deviceId)}`);
}
await Promise.all(Array.from({ length: 20 }, (_, index) => busy(`dev-${index}`)));
