// SPDX-License-Identifier: MIT
import { expect } from "@jest/globals";
import { onEachEngine } from "../helpers/example";

onEachEngine("remote-control", "a period that is desired, a method, and a message", async (world) => {
  await world.connected();
  // What is no period changes nothing.
  await world.desire({ period: "often" });
  await world.desire({ period: 1 });
  await world.logged("telemetry every 1 s");
  await world.until(() => world.telemetry.length === 2);
  expect(world.bodies).toEqual([{ time: expect.any(Number) }, { time: expect.any(Number) }]);
  await world.until(() => world.reported.period === 1);

  expect(await world.call("blink", { times: 2 })).toMatchObject({ status: 200, payload: { blinked: 2 } });
  expect(world.lines.filter((line) => line === "blink")).toHaveLength(2);
  expect(await world.call("blink", { times: 11 })).toMatchObject({ status: 400 });
  expect(await world.call("reboot")).toMatchObject({ status: 501 });

  await world.message("grüße", { colour: "sky blue" });
  await world.logged(/^a message of 7 bytes, \{.*"colour":"sky blue"/);
  await world.until(() => world.emulator.counts.delivered === 1);
});
