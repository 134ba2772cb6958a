// SPDX-License-Identifier: MIT
/** The model as Microsoft has it, iot-plugandplay-models dtmi/com/example/thermostat-1.json, element by element. */
import { expect } from "@jest/globals";
import { HUB } from "../helpers/emulator-client";
import { onEachEngine } from "../helpers/example";

const MODEL = "dtmi:com:example:Thermostat;1";

onEachEngine("thermostat", "telemetry, both properties and the command of the model", async (world) => {
  const before = new Date(Date.now() - 60_000).toISOString();
  await world.connected();
  await world.until(() => world.reported.maxTempSinceLastReboot !== undefined);
  await world.until(() => world.reported.targetTemperature !== undefined);
  await world.until(() => world.telemetry.length > 0);
  expect(world.emulator.devices.get(HUB, "thermostat")?.modelId).toBe(MODEL);
  expect(world.telemetry[0]?.dataSchema).toBe(MODEL);
  expect(world.bodies[0]).toEqual({ temperature: 21 });
  // Nothing was desired: the device's own, as the conventions of Plug and Play have it.
  expect(world.reported).toMatchObject({
    maxTempSinceLastReboot: 21,
    targetTemperature: { value: 21, ac: 203, av: 0 },
  });

  const answered = (version: number) =>
    world.until(() => (world.reported.targetTemperature as { av: number }).av === version);
  const version = await world.desire({ targetTemperature: 41.5 });
  await answered(version);
  expect(world.reported.targetTemperature).toEqual({ value: 41.5, ac: 200, av: version });
  const refused = await world.desire({ targetTemperature: "hot" });
  await answered(refused);
  expect(world.reported.targetTemperature).toEqual({ value: 41.5, ac: 400, av: refused });
  // Another property is not the thermostat's to answer.
  await world.desire({ other: true });
  await world.desire({ targetTemperature: null });
  await answered(0);
  expect(world.reported.targetTemperature).toEqual({ value: 41.5, ac: 203, av: 0 });

  // The next sample moves towards the target.
  await world.until(() => world.reported.maxTempSinceLastReboot !== 21);
  expect(world.reported.maxTempSinceLastReboot).toBe(26.125);
  const report = await world.call("getMaxMinReport", before);
  expect(report).toMatchObject({
    status: 200,
    payload: { maxTemp: 26.125, minTemp: 21, avgTemp: 23.5625, startTime: before },
  });
  expect(Date.parse((report.payload as { endTime: string }).endTime)).toBeGreaterThan(Date.parse(before));
  const after = new Date(Date.now() + 60_000).toISOString();
  expect(await world.call("getMaxMinReport", after)).toMatchObject({ status: 404 });
  expect(await world.call("getMaxMinReport", "yesterday")).toMatchObject({ status: 404 });
});
