// SPDX-License-Identifier: MIT
/** User name and topics of IoT Hub ("Communicate with your IoT hub using the MQTT protocol"). */
import { expect, test } from "@jest/globals";
import {
  cloudToDeviceFilter,
  HUB_API_VERSION,
  hubUserName,
  parseCloudToDevice,
  telemetryTopic,
} from "../../../src/azure/hub";

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

test("telemetry", () => {
  expect(telemetryTopic("device-1")).toBe("devices/device-1/messages/events/");
  expect(telemetryTopic("device-1", {})).toBe("devices/device-1/messages/events/");
  expect(telemetryTopic("device-1", { "$.ct": "application/json", alarm: null })).toBe(
    "devices/device-1/messages/events/%24.ct=application%2Fjson&alarm",
  );
});

test("cloud to device", () => {
  expect(cloudToDeviceFilter("device-1")).toBe("devices/device-1/messages/devicebound/#");
  const topic =
    "devices/device-1/messages/devicebound/%24.to=%2Fdevices%2Fdevice-1%2Fmessages%2FdeviceBound&a=1&b";
  expect(Object.entries(parseCloudToDevice(topic, "device-1") ?? {})).toEqual([
    ["$.to", "/devices/device-1/messages/deviceBound"],
    ["a", "1"],
    ["b", null],
  ]);
  expect(
    Object.entries(parseCloudToDevice("devices/device-1/messages/devicebound/", "device-1") ?? {}),
  ).toEqual([]);
});

test.each([
  "devices/device-2/messages/devicebound/a=1",
  "devices/device-1/messages/devicebound",
  "devices/device-1/messages/events/",
  "DEVICES/device-1/messages/devicebound/a=1",
  "x/devices/device-1/messages/devicebound/a=1",
  "$iothub/methods/POST/reboot/?$rid=1",
  "",
])("no message for this device: %j", (topic) => {
  expect(parseCloudToDevice(topic, "device-1")).toBeUndefined();
});
