// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { cloudToDeviceFilter, parseCloudToDevice } from "../../../../src/azure/hub/cloud-to-device";

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
