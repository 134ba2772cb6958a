// SPDX-License-Identifier: MIT
/** An application that knows only the package: a device and the emulator, until the hub has its message. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Device, { BerthError } from "berth";
import { type Configuration, Emulator, newSymmetricKey } from "berth/emulator";

const symmetricKey = newSymmetricKey();
const configuration: Configuration = {
  idScope: "0ne00000000",
  iotHubs: [{ name: "hub-1.example" }],
  enrollments: [
    {
      registrationId: "device-1",
      attestation: { type: "symmetricKey", symmetricKey: { primaryKey: symmetricKey } },
    },
  ],
  enrollmentGroups: [],
};
const emulator = await Emulator.start({ configuration, dps: { immediate: true } });
const state = mkdtempSync(join(tmpdir(), "berth-app-"));
const arrived = new Promise<string>((resolve) =>
  emulator.events.on("telemetry", ({ body }) => resolve(body.toString())),
);
const device = new Device({
  identity: { idScope: "0ne00000000", registrationId: "device-1", symmetricKey },
  state,
  ca: [emulator.ca.path],
  connectTo: `:127.0.0.1:${emulator.port}`,
  onError({ error }) {
    if (error instanceof BerthError) console.error(error.code);
  },
});
device.send({ celsius: 21 });
console.log(await arrived);
device.close();
await emulator.stop();
rmSync(state, { recursive: true });
