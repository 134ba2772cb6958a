// SPDX-License-Identifier: MIT
/**
 * A device and what the cloud does with it, in one test: node --test node.test.mjs
 * In a project of your own: npm install --save-dev berth@npm:berth-iot
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Device from "berth";
import { Emulator, newSymmetricKey, parseConfiguration } from "berth/emulator";

const HUB = "hub-1.example";
const key = newSymmetricKey();
const directory = mkdtempSync(join(tmpdir(), "emulator-"));
let emulator;
let device;

before(async () => {
  const configuration = parseConfiguration(
    JSON.stringify({
      idScope: "0ne00000000",
      iotHubs: [HUB],
      enrollments: [
        {
          registrationId: "oven",
          attestation: { type: "symmetricKey", symmetricKey: { primaryKey: key, secondaryKey: key } },
          initialTwin: { properties: { desired: { celsius: 180 } } },
        },
      ],
    }),
    "the test",
  );
  emulator = await Emulator.start({ configuration, stateDirectory: join(directory, "emulator") });
});

after(async () => {
  device?.close();
  await emulator?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("the oven heats to what its twin says, and tells it", async () => {
  const reported = once(emulator.events, "reported");
  device = new Device({
    identity: { idScope: emulator.idScope, registrationId: "oven", symmetricKey: key },
    state: join(directory, "oven"),
    ca: emulator.ca.path,
    connectTo: `:127.0.0.1:${emulator.port}`,
    onDesired({ celsius }) {
      this.report({ celsius });
    },
    methods: { stop: () => ({ status: 200, payload: { stopped: true } }) },
  });
  const [{ deviceId, patch }] = await reported;
  assert.deepEqual([deviceId, patch], ["oven", { celsius: 180 }]);
});

test("it stops when it is told to", async () => {
  const { status, payload } = await emulator.invokeMethod(HUB, "oven", "stop");
  assert.deepEqual([status, payload], [200, { stopped: true }]);
});

test("it comes back when the hub has cut it off", async () => {
  const back = once(emulator.events, "connect");
  emulator.disconnect(HUB, "oven");
  const [{ endpoint, id }] = await back;
  assert.deepEqual([endpoint, id], [HUB, "oven"]);
});
