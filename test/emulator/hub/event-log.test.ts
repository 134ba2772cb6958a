// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import type { Telemetry } from "../../../emulator/hub/endpoint";
import { EventLog, type EventPosition, Partition } from "../../../emulator/hub/event-log";

const SENDER = { generationId: "1", authentication: "sas" } as const;
const message = (changes: Partial<Telemetry> = {}): Telemetry => ({
  hub: "h",
  deviceId: "d",
  body: Buffer.alloc(0),
  properties: new Map(),
  qos: 0,
  dup: false,
  enqueuedTime: 0,
  ...changes,
});

test("the oldest are dropped by number", () => {
  const partition = new Partition("0");
  for (let count = 0; count < 20_000; count++) partition.append(message({ enqueuedTime: count }), SENDER);
  expect([partition.first, partition.next]).toEqual([20_000 - 8192, 20_000]);
  expect(partition.at(partition.first - 1)).toBeUndefined();
  expect(partition.at(20_000)).toBeUndefined();
  expect(partition.at(partition.first)?.message.enqueuedTime).toBe(partition.first);
  expect(partition.at(19_999)).toBe(partition.last);
});

test("and by bytes; one message stays, whatever its size", () => {
  const partition = new Partition("0");
  const body = Buffer.alloc(256 * 1024);
  for (let count = 0; count < 100; count++) partition.append(message({ body }), SENDER);
  expect(partition.next - partition.first).toBe(31);
  expect(partition.last?.offset).toBe(99 * (body.length + 512));
});

test.each<[EventPosition, number]>([
  [{ kind: "earliest" }, 0],
  [{ kind: "latest" }, 3],
  [{ kind: "sequenceNumber", value: 1, inclusive: false }, 2],
  [{ kind: "sequenceNumber", value: 1, inclusive: true }, 1],
  [{ kind: "offset", value: -1, inclusive: false }, 0],
  [{ kind: "offset", value: 512, inclusive: false }, 2],
  [{ kind: "enqueuedTime", value: 20, inclusive: true }, 1],
  [{ kind: "enqueuedTime", value: 99, inclusive: false }, 3],
])("from %j on", (position, first) => {
  const partition = new Partition("0");
  for (const enqueuedTime of [10, 20, 30]) partition.append(message({ enqueuedTime }), SENDER);
  expect(partition.find(position)).toBe(first);
});

test("a device has one partition, many devices have all of them", () => {
  const log = new EventLog(4, 0);
  for (let device = 0; device < 100; device++)
    for (let count = 0; count < 3; count++) log.append(message({ deviceId: `device-${device}` }), SENDER);
  for (const { next } of log.partitions) {
    expect(next).toBeGreaterThan(0);
    expect(next % 3).toBe(0);
  }
});

test.each([0, 33, 1.5])("%p partitions are refused", (count) => {
  expect(() => new EventLog(count, 0)).toThrow("hub.partitions must be a whole number from 1 to 32");
});
