// SPDX-License-Identifier: MIT
/** An application that knows only the package: a device and the emulator, until the hub has its message. */
import { Agent, BerthError, createNodeHost } from "berth";
import { type Configuration, Emulator, newSymmetricKey } from "berth/emulator";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
const stateDirectory = mkdtempSync(join(tmpdir(), "berth-app-"));
const host = createNodeHost({
  stateDirectory,
  roots: [emulator.ca.pem],
  symmetricKey,
  connectTo: [{ host: "", address: "127.0.0.1", toPort: emulator.port }],
});
const identity = { idScope: "0ne00000000", registrationId: "device-1", attestation: "symmetricKey" } as const;
const arrived = new Promise<string>((resolve) =>
  emulator.events.on("telemetry", ({ body }) => resolve(body.toString())),
);
const agent = new Agent(
  host,
  {
    onError({ error }) {
      if (error instanceof BerthError) console.error(error.code);
    },
  },
  { identity },
);
agent.start();
agent.send(host.text.encode('{"celsius":21}'));
console.log(await arrived);
agent.stop();
await emulator.stop();
rmSync(stateDirectory, { recursive: true });
