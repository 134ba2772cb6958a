// SPDX-License-Identifier: MIT
/** The window of messages that wait for PUBACK, and packet identifiers (MQTT 3.1.1 sections 2.3.1 and 4.4). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InFlight, type OutboundMessage } from "../../../src/mqtt/in-flight";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

function message(name: string): OutboundMessage {
  return { topic: name, payload: new Uint8Array(0) };
}

/** Identifiers and topics, the oldest first. */
function listed(inFlight: InFlight): [number, unknown][] {
  return Array.from({ length: inFlight.count }, (_, i) => [inFlight.idAt(i), inFlight.messageAt(i).topic]);
}

describe("identifiers", () => {
  test("start at 1", () => {
    expect(new InFlight().add(message("a"))).toBe(1);
  });

  test("wrap from 65,535 to 1: 0 is none [MQTT-2.3.1-1]", () => {
    const inFlight = new InFlight(8, 65_533);
    expect([inFlight.add(message("a")), inFlight.reserve(), inFlight.add(message("b"))]).toEqual([
      65_534, 65_535, 1,
    ]);
  });

  test("skip what is in flight and what is reserved [MQTT-2.3.1-2]", () => {
    const inFlight = new InFlight(8, 0);
    expect([inFlight.add(message("a")), inFlight.reserve(), inFlight.add(message("b"))]).toEqual([1, 2, 3]);
    for (let i = 4; i <= 65_535; i += 1) inFlight.release(inFlight.reserve());
    expect(inFlight.add(message("c"))).toBe(4);
    inFlight.acknowledge(3);
    for (let i = 5; i <= 65_535; i += 1) inFlight.release(inFlight.reserve());
    expect(inFlight.add(message("d"))).toBe(3);
  });

  test("of a message that was taken back is not used at once again", () => {
    const inFlight = new InFlight();
    inFlight.add(message("a"));
    inFlight.undo();
    expect(inFlight.count).toBe(0);
    expect(inFlight.add(message("b"))).toBe(2);
  });
});

describe("window", () => {
  test("is 8 by default; a full one takes nothing", () => {
    const inFlight = new InFlight();
    for (let id = 1; id <= 8; id += 1) {
      expect(inFlight.full).toBe(false);
      expect(inFlight.add(message("a"))).toBe(id);
    }
    expect(inFlight.full).toBe(true);
    expect(inFlight.add(message("b"))).toBe(0);
    expect(inFlight.count).toBe(8);
    // SUBSCRIBE needs no place in it.
    expect(inFlight.reserve()).toBe(9);
  });

  test("keeps the order whichever is acknowledged", () => {
    const inFlight = new InFlight(4);
    for (const name of ["a", "b", "c", "d"]) inFlight.add(message(name));
    expect(inFlight.acknowledge(2)?.topic).toBe("b");
    inFlight.add(message("e"));
    expect(inFlight.acknowledge(1)?.topic).toBe("a");
    expect(listed(inFlight)).toEqual([
      [3, "c"],
      [4, "d"],
      [5, "e"],
    ]);
    expect(inFlight.acknowledge(5)?.topic).toBe("e");
    expect(inFlight.acknowledge(3)?.topic).toBe("c");
    expect(listed(inFlight)).toEqual([[4, "d"]]);
  });

  test("an identifier that is not in flight acknowledges nothing", () => {
    const inFlight = new InFlight();
    inFlight.add(message("a"));
    inFlight.acknowledge(1);
    // 1 still stands in the memory of the window.
    for (const id of [0, 1, 2, 65_535]) expect(inFlight.acknowledge(id)).toBeUndefined();
    expect(inFlight.count).toBe(0);
  });

  test("what was acknowledged is no longer held", () => {
    const inFlight = new InFlight(2);
    inFlight.add(message("a"));
    inFlight.add(message("b"));
    inFlight.acknowledge(1);
    expect(inFlight.messageAt(0).topic).toBe("b");
    expect(inFlight.messageAt(1)).toBeUndefined();
  });

  test.each([0, -1, 1_025, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("of %d is refused", (window) => {
    expect(thrownCode(() => new InFlight(window))).toBe("invalid-argument");
  });

  test.each([1, 1_024])("of %d is accepted", (window) => {
    const inFlight = new InFlight(window);
    for (let i = 0; i < window; i += 1) expect(inFlight.add(message("a"))).toBe(i + 1);
    expect(inFlight.full).toBe(true);
  });

  test.each([-1, 65_536, 0.5, Number.NaN])("a last identifier of %d is refused", (last) => {
    expect(thrownCode(() => new InFlight(8, last))).toBe("invalid-argument");
  });
});

describe("reserved", () => {
  test("until released, once", () => {
    const inFlight = new InFlight();
    const [first, second, third] = [inFlight.reserve(3), inFlight.reserve(), inFlight.reserve(1)];
    expect(inFlight.reserved).toBe(3);
    expect(inFlight.release(second)).toBe(0);
    expect(inFlight.release(first)).toBe(3);
    expect(inFlight.release(first)).toBe(-1);
    expect(inFlight.reserved).toBe(1);
    inFlight.releaseAll();
    expect(inFlight.reserved).toBe(0);
    expect(inFlight.release(third)).toBe(-1);
    expect(inFlight.release(inFlight.reserve(2))).toBe(2);
  });

  test("identifiers of messages are not released, reserved ones not acknowledged", () => {
    const inFlight = new InFlight();
    const [sent, reserved] = [inFlight.add(message("a")), inFlight.reserve()];
    expect(inFlight.release(sent)).toBe(-1);
    expect(inFlight.acknowledge(reserved)).toBeUndefined();
    expect([inFlight.count, inFlight.reserved]).toEqual([1, 1]);
  });
});

/** A step of the property; the number chooses which message or identifier. */
type Step = readonly [
  what: "add" | "undo" | "acknowledge" | "reserve" | "release" | "releaseAll" | "spin",
  which: number,
];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    { weight: 30, arbitrary: fc.constant("add" as const) },
    { weight: 15, arbitrary: fc.constant("acknowledge" as const) },
    { weight: 8, arbitrary: fc.constant("reserve" as const) },
    { weight: 5, arbitrary: fc.constantFrom("undo" as const, "release" as const) },
    { weight: 1, arbitrary: fc.constantFrom("releaseAll" as const, "spin" as const) },
  ),
  fc.nat(1_000),
);

testProperty(
  "behaves as a simple list does",
  300,
  fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.oneof(fc.integer({ min: 65_525, max: 65_535 }), fc.nat(65_535)),
    fc.array(step, { maxLength: 40 }),
    (window, start, steps) => {
      const inFlight = new InFlight(window, start);
      let sent: [number, string][] = [];
      let reserved: number[] = [];
      let last = start;
      const next = (): number => {
        do last = (last % 65_535) + 1;
        while (reserved.includes(last) || sent.some(([id]) => id === last));
        return last;
      };
      for (const [index, [what, which]] of steps.entries()) {
        const name = `m${index}`;
        if (what === "add") {
          const full = sent.length === window;
          const id = full ? 0 : next();
          expect(inFlight.add(message(name))).toBe(id);
          if (!full) sent.push([id, name]);
        } else if (what === "undo" && sent.length > 0) {
          inFlight.undo();
          sent.pop();
        } else if (what === "acknowledge") {
          const [id, expected] = sent[which % (sent.length + 1)] ?? [which, undefined];
          const known = sent.find(([other]) => other === id);
          expect(inFlight.acknowledge(id)?.topic).toBe(expected ?? known?.[1]);
          sent = sent.filter(([other]) => other !== id);
        } else if (what === "reserve") {
          reserved.push(next());
          expect(inFlight.reserve(last % 7)).toBe(last);
        } else if (what === "release") {
          const id = reserved[which % (reserved.length + 1)] ?? which;
          expect(inFlight.release(id)).toBe(reserved.includes(id) ? id % 7 : -1);
          reserved = reserved.filter((other) => other !== id);
        } else if (what === "releaseAll") {
          inFlight.releaseAll();
          reserved = [];
        } else if (what === "spin") {
          // Once around, nearly: the next identifiers are those in use.
          for (let i = 0; i < 65_520 + (which % 10); i += 1) inFlight.release(inFlight.reserve());
          for (let i = 0; i < 65_520 + (which % 10); i += 1) next();
        }
        expect(listed(inFlight)).toEqual(sent);
        expect(inFlight.full).toBe(sent.length === window);
        expect(inFlight.reserved).toBe(reserved.length);
      }
    },
  ),
);
