// SPDX-License-Identifier: MIT
import { expect } from "@jest/globals";
import { onEachEngine } from "../helpers/example";

onEachEngine("button-and-light", "presses arrive, and the light is switched", async (world) => {
  await world.logged("press the button");
  world.press();
  world.press();
  await world.until(() => world.telemetry.length === 2);
  expect(world.bodies).toEqual([{ presses: 1 }, { presses: 2 }]);

  expect(await world.call("light", true)).toMatchObject({ status: 200 });
  await world.logged("light on");
  await world.until(() => world.reported.light === true);
  expect(await world.call("light", false)).toMatchObject({ status: 200 });
  await world.logged("light off");
  await world.until(() => world.reported.light === false);
  expect(await world.call("light", "on")).toMatchObject({ status: 400 });
  expect(world.lines).toEqual(["press the button", "light on", "light off"]);
});
