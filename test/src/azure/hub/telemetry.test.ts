// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { telemetryTopic } from "../../../../src/azure/hub/telemetry";

test("telemetry", () => {
  expect(telemetryTopic("device-1")).toBe("devices/device-1/messages/events/");
  expect(telemetryTopic("device-1", {})).toBe("devices/device-1/messages/events/");
  expect(telemetryTopic("device-1", { "$.ct": "application/json", alarm: null })).toBe(
    "devices/device-1/messages/events/%24.ct=application%2Fjson&alarm",
  );
});
