// SPDX-License-Identifier: MIT
/** The emulator on streams that are handed in, in time that is moved by hand. */
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import {
  HUB,
  dpsToken,
  dpsUser,
  hubToken,
  hubUser,
  poll,
  register,
  startEmulator,
} from "../helpers/emulator-client";
import { RawMqttClient } from "../helpers/raw-mqtt-client";

let clock: ManualClock;
let emulator: Emulator;
beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock });
});
afterEach(() => emulator.stop());

function open(): RawMqttClient {
  const [here, there] = duplexPair();
  emulator.serve(there, { address: "the test" });
  // As a socket does.
  here.on("end", () => here.end());
  return new RawMqttClient(here);
}

test("a whole life on streams in memory: assigned, connected, and dropped by its keep-alive", async () => {
  const dps = open();
  await dps.connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") });
  await dps.subscribe("$dps/registrations/res/#");
  const { body } = await register(dps);
  expect((await poll(dps, body.operationId!)).body.status).toBe("assigned");
  await dps.disconnect();
  const hub = open();
  const credentials = { clientId: "dev-1", username: hubUser("dev-1"), password: hubToken("dev-1") };
  expect((await hub.connect({ ...credentials, keepalive: 60 })).returnCode).toBe(0);
  await hub.publish("devices/dev-1/messages/events/", "1");
  expect(emulator.telemetry).toMatchObject([{ hub: HUB, deviceId: "dev-1" }]);
  clock.advance(90_000);
  await hub.closed;
});

test("one that never sends CONNECT is a stranger after the time-out, and one at the stop ends without a word", async () => {
  const strangers: unknown[] = [];
  emulator.events.on("stranger", (stranger) => strangers.push(stranger));
  const silent = open();
  clock.advance(30_000);
  await silent.closed;
  const late = open();
  await emulator.stop();
  await late.closed;
  expect(strangers).toEqual([{ connection: 1, address: "the test", reason: "no CONNECT came in time" }]);
});

test("a reset destroys the stream", async () => {
  emulator.faults.add({ step: "connack", action: "reset" });
  const [here, there] = duplexPair();
  emulator.serve(there);
  const closed = once(there, "close");
  new RawMqttClient(here)
    .connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") })
    .catch(() => {});
  await closed;
});
