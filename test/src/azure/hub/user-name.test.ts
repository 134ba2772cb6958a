// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { HUB_API_VERSION, hubUserName } from "../../../../src/azure/hub/user-name";

test("the user name has `/?` before the version", () => {
  expect(HUB_API_VERSION).toBe("2021-04-12");
  expect(hubUserName("contoso.azure-devices.net", "device-1")).toBe(
    "contoso.azure-devices.net/device-1/?api-version=2021-04-12",
  );
});

test("with the model of IoT Plug and Play, encoded", () => {
  expect(hubUserName("h", "d", "dtmi:com:example:Thermostat;1")).toBe(
    "h/d/?api-version=2021-04-12&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1",
  );
});
