// SPDX-License-Identifier: MIT
/** The books find what they are for: they must not be satisfied with everything. */
import { expect, test } from "@jest/globals";
import { Ledger } from "../../../simulator/chaos/ledger";
import { Rate } from "../../../simulator/chaos/rates";

function accepted(count: number): Ledger {
  const ledger = new Ledger();
  for (let i = 0; i < count; i += 1) ledger.accept();
  return ledger;
}

test("a message that comes after a younger one is out of order; one that comes twice is not", () => {
  const ledger = accepted(3);
  expect(ledger.receive(0, 1, "a")).toBeUndefined();
  expect(ledger.receive(0, 3, "a")).toBeUndefined();
  expect(ledger.receive(0, 3, "a")).toBeUndefined();
  expect(ledger.receive(0, 2, "a")).toBe("telemetry 2 comes after 3");
  expect(ledger.received).toBe(3);
});

test("at the hub before, bytes that were held up may come late", () => {
  const ledger = accepted(3);
  ledger.receive(0, 3, "b");
  expect(ledger.receive(0, 2, "a")).toBeUndefined();
});

test("an acknowledgement of what no hub has is found, and so is a message that was never sent", () => {
  const ledger = accepted(2);
  ledger.receive(0, 1, "a");
  expect(ledger.acknowledge()).toBeUndefined();
  expect(ledger.acknowledge()).toBe("2 acknowledged, the hub has 1");
  expect(ledger.receive(0, 3, "a")).toBe("telemetry 3 was never sent");
});

test("at the end of a life what is at no hub was held or dropped", () => {
  const lost = accepted(5);
  lost.receive(0, 1, "a");
  lost.drop(1);
  expect(lost.owed).toBe(3);
  expect(lost.end(2)).toBe("3 messages are at no hub, and the device held 2");
  const held = accepted(5);
  expect(held.end(5)).toBeUndefined();
  expect([held.life, held.next, held.lost]).toEqual([1, 1, 5]);
  // What was on its way when power went may still arrive.
  expect(held.receive(0, 1, "a")).toBeUndefined();
});

test("a rate is kept within its time, and an excuse gives it more", () => {
  const rate = new Rate(2, 1_000, 1);
  expect([rate.take(0), rate.take(1), rate.take(2)]).toEqual([true, true, false]);
  expect(rate.take(2_000)).toBe(true);
  rate.excuse(2_000);
  expect([rate.take(2_001), rate.take(2_002), rate.take(2_003)]).toEqual([true, true, false]);
});
