// SPDX-License-Identifier: MIT
import { EventEmitter } from "node:events";
import { expect, test } from "@jest/globals";
import { reportEvents } from "../../cli/emulator-events";
import { Output } from "../../cli/output";
import type { EmulatorEvents } from "../../emulator/events";
import { eventsOf } from "./command";

function telemetry(body: Buffer, properties: [string, string | null][]) {
  const events = new EventEmitter<EmulatorEvents>();
  let out = "";
  const streams = {
    out: (text: string) => {
      out += text;
    },
    err: () => undefined,
  };
  reportEvents({ events }, new Output(true, streams));
  const rest = { hub: "h", deviceId: "d", qos: 1, dup: false, enqueuedTime: 0 };
  events.emit("telemetry", { body, properties: new Map(properties), ...rest });
  return eventsOf(out)[0];
}

test("telemetry is printed with its properties and its body, as text where it is text", () => {
  const properties: [string, string | null][] = [
    ["$.ct", "application/json"],
    ["__proto__", "x"],
    ["flag", null],
  ];
  const event = telemetry(Buffer.from('{"é":1}'), properties);
  expect(event).toMatchObject({ event: "telemetry", bytes: 8, payload: '{"é":1}', qos: 1 });
  expect(Object.entries(event?.properties as object)).toEqual(properties);
  expect(Object.getPrototypeOf(event?.properties)).toBe(Object.prototype);
  expect(event).not.toHaveProperty("base64");
});

test("else in base64", () => {
  const event = telemetry(Buffer.of(0xff, 0, 1), []);
  expect(event).toMatchObject({ bytes: 3, base64: "/wAB", properties: {} });
  expect(event).not.toHaveProperty("payload");
});
