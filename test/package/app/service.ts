// SPDX-License-Identifier: MIT
/** Plays the service for the application in the file of the argument, and prints in one line what that has done. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Emulator, newSymmetricKey } from "berth/emulator";

const HUB = "hub-1.example";
const DEVICE = "device-1";
const primaryKey = newSymmetricKey();
const emulator = await Emulator.start({
  configuration: {
    idScope: "0ne00000000",
    iotHubs: [{ name: HUB }],
    enrollments: [
      { registrationId: DEVICE, attestation: { type: "symmetricKey", symmetricKey: { primaryKey } } },
    ],
    enrollmentGroups: [],
  },
  dps: { immediate: true },
});
const directory = mkdtempSync(join(tmpdir(), "berth-app-"));
// An event that does not come is an error after a minute.
const bound = { signal: AbortSignal.timeout(60_000) };
const assigned = once(emulator.events, "assigned", bound);
const arrived = once(emulator.events, "telemetry", bound);
const reported = once(emulator.events, "reported", bound);
const app = spawn(process.execPath, [process.argv[2] ?? ""], {
  stdio: "inherit",
  env: {
    BERTH_ID_SCOPE: emulator.idScope,
    BERTH_REGISTRATION_ID: DEVICE,
    BERTH_SYMMETRIC_KEY: primaryKey,
    BERTH_STATE: directory,
    BERTH_CA: emulator.ca.path,
    BERTH_CONNECT_TO: `:127.0.0.1:${emulator.port}`,
  },
});
// Whatever happens here: what reads its output waits for it, too.
process.once("exit", () => app.kill());
app.once("exit", (status) => {
  if (status !== null) throw new Error(`the application has ended with ${status}`);
});
await assigned;
const method = () => emulator.invokeMethod(HUB, DEVICE, "heater*mode", undefined, undefined, 30_000);
const before = (await method()).payload;
await emulator.updateDesired(HUB, DEVICE, { target: 30 });
const [{ body, subject }] = await arrived;
await reported;
const after = (await method()).payload;
console.log(
  JSON.stringify({ before, after, body: String(body), subject, ...emulator.twin(HUB, DEVICE).reported }),
);
const ended = once(app, "exit");
app.kill();
await ended;
await emulator.stop();
rmSync(directory, { recursive: true });
