// SPDX-License-Identifier: MIT
/** Vectors of "IoT Plug and Play conventions" (Azure documents). */
import { expect, test } from "@jest/globals";
import {
  commandName,
  componentProperties,
  desiredOfComponent,
  writableAnswer,
} from "../../../../src/azure/hub/plug-and-play";

test("the answer to a writable property", () => {
  expect({ targetTemperature: writableAnswer(23.2, 3, 200, "complete") }).toEqual({
    targetTemperature: { value: 23.2, ac: 200, av: 3, ad: "complete" },
  });
  expect(writableAnswer(false, 0, 203)).toEqual({ value: false, ac: 203, av: 0 });
});

test("properties of a component carry its mark", () => {
  expect(componentProperties("thermostat1", { maxTempSinceLastReboot: 38.7 })).toEqual({
    thermostat1: { __t: "c", maxTempSinceLastReboot: 38.7 },
  });
});

test("desired properties of a component, without the mark", () => {
  const desired = { thermostat1: { __t: "c", targetTemperature: 23.2 }, plain: { targetTemperature: 1 } };
  expect(desiredOfComponent(desired, "thermostat1")).toEqual({ targetTemperature: 23.2 });
  expect(desiredOfComponent(desired, "plain")).toBeUndefined();
  expect(desiredOfComponent(desired, "constructor")).toBeUndefined();
  expect(desiredOfComponent({ thermostat1: null }, "thermostat1")).toBeUndefined();
});

test("a command of a component", () => {
  expect(commandName("getMaxMinReport", "thermostat1")).toBe("thermostat1*getMaxMinReport");
  expect(commandName("reboot")).toBe("reboot");
});
