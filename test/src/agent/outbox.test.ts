// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { Outbox, TelemetryMessage } from "../../../src/agent/outbox";

function message(size: number, bag = ""): TelemetryMessage {
  return new TelemetryMessage(new Uint8Array(size), bag);
}

test("first in, first out", () => {
  const outbox = new Outbox();
  const [a, b] = [message(1), message(2)];
  outbox.add(a);
  outbox.add(b);
  expect([outbox.first(), outbox.count]).toEqual([a, 2]);
  outbox.shift();
  expect(outbox.first()).toBe(b);
  outbox.shift();
  outbox.shift();
  expect([outbox.first(), outbox.count]).toEqual([undefined, 0]);
});

test("bounded in number and in bytes; what is refused changes nothing", () => {
  const outbox = new Outbox({ capacity: 2, bytes: 10 });
  outbox.add(message(8));
  expect(() => outbox.add(message(3))).toThrow(
    expect.objectContaining({ code: "outbox-full", retriable: true }),
  );
  outbox.add(message(2));
  expect(() => outbox.add(message(0))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  expect(outbox.count).toBe(2);
  outbox.shift();
  outbox.add(message(8));
  expect(outbox.count).toBe(2);
});

test("messages put back go first and count again", () => {
  const outbox = new Outbox({ capacity: 3, bytes: 10 });
  const later = message(1);
  outbox.add(later);
  const [a, b] = [message(4), message(5)];
  outbox.restore([a, b]);
  expect(() => outbox.add(message(1))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  expect(outbox.first()).toBe(a);
  outbox.shift();
  expect(outbox.first()).toBe(b);
  outbox.shift();
  expect(outbox.first()).toBe(later);
  outbox.add(message(9));
});

test("a bound below 1 is refused", () => {
  expect(() => new Outbox({ capacity: 0 })).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(() => new Outbox({ bytes: 0 })).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});
