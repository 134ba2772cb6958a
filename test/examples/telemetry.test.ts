// SPDX-License-Identifier: MIT
import { expect } from "@jest/globals";
import { HUB } from "../helpers/emulator-client";
import { onEachEngine } from "../helpers/example";

onEachEngine(
  "telemetry",
  "a measurement arrives as JSON with its time, and the device knows",
  async (world) => {
    await world.logged("1 at the hub");
    expect(world.lines).toEqual([`telemetry at ${HUB}`, "1 at the hub"]);
    const [message] = world.telemetry;
    expect(world.bodies).toEqual([{ celsius: expect.any(Number) }]);
    expect(Object.fromEntries(message?.properties ?? [])).toEqual({
      "$.ct": "application/json",
      "$.ce": "utf-8",
      "$.ctime": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(message?.deviceId).toBe("telemetry");
  },
);
