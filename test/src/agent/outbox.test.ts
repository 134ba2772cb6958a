// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type MessageOwner, Outbox, type TelemetryMessage } from "../../../src/agent/outbox";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const OWNER: MessageOwner = { acknowledged() {}, recalled() {} };

test("first in, first out", () => {
  const outbox = new Outbox(OWNER);
  const [a, b] = [new Uint8Array(1), new Uint8Array(2)];
  outbox.add(a);
  outbox.add(b, "b=1");
  expect([outbox.oldest?.payload, outbox.oldest?.bag, outbox.count]).toEqual([a, "", 2]);
  expect(outbox.oldest?.payload).toBe(a);
  outbox.shift();
  expect(outbox.oldest?.payload).toBe(b);
  expect(outbox.oldest?.bag).toBe("b=1");
  outbox.shift();
  outbox.shift();
  expect([outbox.oldest, outbox.count]).toEqual([undefined, 0]);
});

test("bounded in number and in bytes; what is refused changes nothing", () => {
  const outbox = new Outbox(OWNER, { capacity: 2, bytes: 10 });
  outbox.add(new Uint8Array(8));
  expect(() => outbox.add(new Uint8Array(3))).toThrow(
    expect.objectContaining({ code: "outbox-full", retriable: true }),
  );
  outbox.add(new Uint8Array(2));
  expect(() => outbox.add(new Uint8Array(0))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  expect(outbox.count).toBe(2);
  outbox.shift();
  outbox.add(new Uint8Array(8));
  expect(outbox.count).toBe(2);
});

test("has room for what can be added", () => {
  const outbox = new Outbox(OWNER, { capacity: 2, bytes: 10 });
  outbox.add(new Uint8Array(4));
  expect([0, 6, 7].map((bytes) => outbox.hasRoom(bytes))).toEqual([true, true, false]);
  outbox.add(new Uint8Array(1));
  expect(outbox.hasRoom(0)).toBe(false);
});

test("what is larger than the whole outbox is no matter of room", () => {
  const outbox = new Outbox(OWNER, { capacity: 1, bytes: 10 });
  expect(thrownCode(() => outbox.add(new Uint8Array(11)))).toBe("packet-too-large");
  outbox.add(new Uint8Array(10));
  expect(thrownCode(() => outbox.add(new Uint8Array(11)))).toBe("packet-too-large");
  expect(thrownCode(() => outbox.add(new Uint8Array(10)))).toBe("outbox-full");
});

test("messages put back go first and count again", () => {
  const outbox = new Outbox(OWNER, { capacity: 3, bytes: 10 });
  const [a, b, later] = [4, 5, 1].map((size) => new Uint8Array(size)) as [Uint8Array, Uint8Array, Uint8Array];
  outbox.add(a);
  outbox.add(b);
  const away = [take(outbox), take(outbox)];
  outbox.add(later);
  for (const message of away.reverse()) outbox.restore(message);
  expect(() => outbox.add(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  expect(outbox.oldest?.payload).toBe(a);
  outbox.shift();
  expect(outbox.oldest?.payload).toBe(b);
  outbox.shift();
  expect(outbox.oldest?.payload).toBe(later);
  outbox.add(new Uint8Array(9));
});

test("an acknowledged message keeps nothing of the application, and is used again", () => {
  const outbox = new Outbox(OWNER);
  outbox.add(new Uint8Array(7), "a=1");
  const message = take(outbox);
  message.topic = new Uint8Array(3);
  outbox.release(message);
  expect([message.topic.length, message.payload.length, message.bag]).toEqual([0, 0, ""]);
  const payload = new Uint8Array(2);
  outbox.add(payload);
  expect(outbox.oldest).toBe(message);
  expect([message.payload, message.bag]).toEqual([payload, ""]);
  outbox.add(payload);
  outbox.shift();
  expect(outbox.oldest).not.toBe(message);
});

test("what is cleared makes room, and keeps nothing of the application", () => {
  const outbox = new Outbox(OWNER, { capacity: 2, bytes: 10 });
  outbox.add(new Uint8Array(5), "a=1");
  const first = outbox.oldest;
  outbox.add(new Uint8Array(5));
  outbox.clear();
  expect([outbox.count, outbox.oldest, first?.payload.length, first?.bag]).toEqual([0, undefined, 0, ""]);
  outbox.add(new Uint8Array(10));
  expect([outbox.count, outbox.oldest?.payload.length]).toEqual([1, 10]);
});

test("with drop-oldest the oldest go, as many as it takes", () => {
  const outbox = new Outbox(OWNER, { capacity: 3, bytes: 10, whenFull: "drop-oldest" });
  for (const size of [4, 3, 3]) expect(outbox.add(new Uint8Array(size))).toBe(0);
  expect(outbox.add(new Uint8Array(5))).toBe(2);
  expect([outbox.count, outbox.oldest?.payload.length]).toEqual([2, 3]);
  // What never has room drops nothing.
  expect(thrownCode(() => outbox.add(new Uint8Array(11)))).toBe("packet-too-large");
  expect(outbox.count).toBe(2);
});

test("a bound below 1 is refused", () => {
  expect(() => new Outbox(OWNER, { capacity: 0 })).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
  expect(() => new Outbox(OWNER, { bytes: 0 })).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});

/** The oldest message, on its way. */
function take(outbox: Outbox): TelemetryMessage {
  const message = outbox.oldest as TelemetryMessage;
  outbox.shift();
  return message;
}

/** A step of the property; the number is a size, or chooses a message. */
type Step = readonly [what: "add" | "shift" | "release" | "restore", number: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant("add" as const) },
    { weight: 5, arbitrary: fc.constant("shift" as const) },
    { weight: 4, arbitrary: fc.constant("release" as const) },
    { weight: 1, arbitrary: fc.constant("restore" as const) },
  ),
  fc.nat(12),
);

testProperty(
  "behaves as plain lists do, and never holds more messages than waited or were on their way at a time",
  500,
  fc.property(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom("refuse" as const, "drop-oldest" as const),
    fc.array(step, { maxLength: 60 }),
    (capacity, bytes, whenFull, steps) => {
      const outbox = new Outbox(OWNER, { capacity, bytes, whenFull });
      let waiting: [payload: Uint8Array, bag: string][] = [];
      let away: [payload: Uint8Array, bag: string, message: TelemetryMessage][] = [];
      const known = new Set<TelemetryMessage>();
      let most = 0;
      for (const [index, [what, number]] of steps.entries()) {
        if (what === "add") {
          const payload = new Uint8Array(number);
          const bag = number % 3 ? `m=${index}` : "";
          const fits = (): boolean => {
            const sum = waiting.reduce((total, [{ length }]) => total + length, 0);
            return waiting.length < capacity && sum + number <= bytes;
          };
          let dropped = 0;
          if (whenFull === "drop-oldest" && number <= bytes) {
            // Those that are away are no part of it: below, they still hold what they held.
            for (; !fits(); dropped += 1) waiting.shift();
          }
          let told = 0;
          const code = thrownCode(() => {
            told = outbox.add(payload, bag);
          });
          expect(code).toBe(fits() ? "none" : number > bytes ? "packet-too-large" : "outbox-full");
          expect(told).toBe(dropped);
          if (fits()) waiting.push([payload, bag]);
        } else if (what === "shift") {
          const message = outbox.oldest;
          outbox.shift();
          const first = waiting.shift();
          expect(message === undefined).toBe(first === undefined);
          if (message && first) {
            known.add(message);
            away.push([...first, message]);
          }
        } else if (what === "release") {
          // In any order: the server may acknowledge in any.
          const [one] = away.splice(number % (away.length + 1), 1);
          if (one) outbox.release(one[2]);
        } else {
          for (const [, , message] of [...away].reverse()) outbox.restore(message);
          waiting = [...away.map(([payload, bag]): [Uint8Array, string] => [payload, bag]), ...waiting];
          away = [];
        }
        most = Math.max(most, waiting.length + away.length);
        expect(outbox.count).toBe(waiting.length);
        expect(outbox.oldest?.payload).toBe(waiting[0]?.[0]);
        expect(outbox.oldest?.bag).toBe(waiting[0]?.[1]);
        for (const [payload, bag, message] of away) {
          expect(message.payload).toBe(payload);
          expect(message.bag).toBe(bag);
        }
      }
      // All that is left comes out whole and in order.
      for (const [payload, bag] of waiting) {
        const message = take(outbox);
        known.add(message);
        expect(message.payload).toBe(payload);
        expect(message.bag).toBe(bag);
      }
      expect(outbox.count).toBe(0);
      expect(known.size).toBeLessThanOrEqual(most);
    },
  ),
);
