// SPDX-License-Identifier: MIT
/** Whatever becomes of the power or of a bit: what was taken is sent, in order, at least once, and nothing else is. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CUTS, NorFlash } from "../../helpers/nor-flash";
import { flashQueue, textOf } from "../../helpers/flash-queue";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

/** What an application and the hub know of a run. */
interface Known {
  /** Taken by `add`, which has returned. */
  readonly taken: string[];
  /** Given to `add`, which has not. */
  trying: string | undefined;
  readonly acknowledged: Set<string>;
  /** Its acknowledgement was to be written. */
  marking: string | undefined;
}

type Step = "add" | "ack" | "restart";

/** @returns false when the power went */
function run(flash: NorFlash, steps: readonly Step[], known: Known): boolean {
  let world = flashQueue(flash);
  for (const step of steps) {
    if (step === "restart") world = flashQueue(flash);
    else if (step === "ack") {
      const message = world.take();
      if (!message) continue;
      known.marking = textOf(message);
      world.queue.release(message);
      if (flash.dead) return false;
      known.acknowledged.add(known.marking);
      known.marking = undefined;
    } else {
      const number = known.taken.length + 1;
      // Of any length.
      const text = `${String(number).padStart(3, "0")} ${"ÿ".repeat((number * 7) % 23)}`;
      const bag = number % 3 === 0 ? "a=1" : "";
      known.trying = bag === "" ? text : `${text} ${bag}`;
      const code = thrownCode(() => world.add(text, bag));
      if (flash.dead) return false;
      if (code === "none") known.taken.push(known.trying);
      else expect(code).toBe("outbox-full");
      known.trying = undefined;
    }
    if (flash.dead) return false;
  }
  return true;
}

function knownNothing(): Known {
  return { taken: [], trying: undefined, acknowledged: new Set(), marking: undefined };
}

/** @throws when the flash holds anything but what it should. Compared as text: this runs for thousands of cuts. */
function check(flash: NorFlash, known: Known): void {
  const { queue, drain, add } = flashQueue(flash.restart());
  const { count } = queue;
  const sent = drain();
  const maybe = [known.trying, known.marking];
  const sure = (texts: readonly string[]): string => texts.filter((text) => !maybe.includes(text)).join("|");
  const later = Array.from({ length: 12 }, (_, i) => `later ${i}`);
  for (const text of later) add(text);
  const found = [sure(sent), sent.join("|"), `${count}`, flashQueue(flash).drain().join("|")];
  const expected = [
    // Exactly what waits; what the cut was in may be there or not.
    sure(known.taken.filter((text) => !known.acknowledged.has(text))),
    [...new Set(sent)].sort().join("|"),
    `${sent.length}`,
    // And it goes on.
    later.join("|"),
  ];
  if (found.join("\n") !== expected.join("\n")) expect(found).toEqual(expected);
}

/** More than once around a ring of two sectors. */
const LIFE: readonly Step[] = Array.from({ length: 13 }, (_, i): Step[] =>
  i % 7 === 6 ? ["add", "ack", "restart"] : i % 5 === 4 ? ["ack", "ack", "add"] : ["add", "ack", "add"],
).flat();

describe.each(CUTS)("the power goes at each byte of a life, what was begun is done %s", (cut) => {
  test("nothing that was taken is lost, nothing comes twice or out of order", () => {
    const whole = new NorFlash(2, 256);
    const all = knownNothing();
    expect(run(whole, LIFE, all)).toBe(true);
    expect(whole.erases.every((erases) => erases >= 1)).toBe(true);
    // A stride: each byte is met in one of the four ways.
    for (let cutAfter = CUTS.indexOf(cut); cutAfter < whole.steps; cutAfter += CUTS.length) {
      const flash = new NorFlash(2, 256);
      flash.cut = cut;
      flash.cutAfter = cutAfter;
      const known = knownNothing();
      expect(run(flash, LIFE, known)).toBe(false);
      check(flash, known);
    }
  });
});

testProperty(
  "power cuts one after the other, at any byte",
  25,
  fc.property(
    fc.array(
      fc.record({
        steps: fc.array(fc.constantFrom<Step>("add", "add", "ack", "restart"), {
          minLength: 1,
          maxLength: 40,
        }),
        cutAfter: fc.integer({ min: 0, max: 1_500 }),
        cut: fc.constantFrom(...CUTS),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    (lives) => {
      const flash = new NorFlash(3, 256);
      const known = knownNothing();
      for (const { steps, cutAfter, cut } of lives) {
        flash.restart();
        flash.cut = cut;
        flash.cutAfter = flash.steps + cutAfter;
        if (run(flash, steps, known)) continue;
        // What the cut was in has come to one or the other.
        const there = flashQueue(flash.restart().copy()).drain();
        if (known.trying !== undefined && there.includes(known.trying)) known.taken.push(known.trying);
        if (known.marking !== undefined && !there.includes(known.marking))
          known.acknowledged.add(known.marking);
        known.trying = known.marking = undefined;
      }
      check(flash, known);
    },
  ),
);

describe("`clear`", () => {
  test("cut at each step: all of it, or what is left is older than a restart", () => {
    const made = (): NorFlash => {
      const flash = new NorFlash(3, 256);
      const { add } = flashQueue(flash);
      for (let i = 0; i < 10; i += 1) add(`of the owner before ${i}`);
      return flash;
    };
    const whole = made();
    const before = whole.steps;
    flashQueue(whole).queue.clear();
    let stands = false;
    for (let cutAfter = before; cutAfter < whole.steps; cutAfter += 1) {
      const flash = made();
      flash.cutAfter = cutAfter;
      flashQueue(flash).queue.clear();
      expect(flash.dead).toBe(true);
      const left = flashQueue(flash.restart()).drain();
      // Once nothing is left nothing comes back, whatever the rest is cut in.
      if (left.length === 0) stands = true;
      expect(stands).toBe(left.length === 0);
      const { add, drain } = flashQueue(flash);
      add("of the new owner");
      expect(drain()).toEqual(["of the new owner"]);
    }
    expect(stands).toBe(true);
  });
});

describe("a bit that has flipped", () => {
  const COUNT = 24;

  function written(): { flash: NorFlash; texts: string[] } {
    const flash = new NorFlash(4, 256);
    const { add } = flashQueue(flash);
    const texts = Array.from({ length: COUNT }, (_, i) => `message ${String(i).padStart(2, "0")}`);
    for (const text of texts) add(text);
    return { flash, texts };
  }

  test("costs one message at most, a sector where it is in its header; it is told, and nothing false is sent", () => {
    const { flash, texts } = written();
    // Each byte of a sector, whichever of the sectors it is in.
    for (let at = 0; at < flash.bytes.length; at += at < 256 ? 1 : 3) {
      const other = flash.copy();
      other.bytes[at] = (other.bytes[at] as number) ^ (1 << (at % 8));
      const { drain, errors, time } = flashQueue(other);
      const sent = drain();
      time.advance(0);
      const lost = texts.filter((text) => !sent.includes(text));
      const isFine =
        sent.join() === texts.filter((text) => sent.includes(text)).join() &&
        lost.length <= (at % 256 < 20 ? 9 : 1) &&
        (lost.length === 0 || errors[0]?.code === "outbox-damaged");
      if (!isFine) expect({ at, sent, errors }).toBe("fine");
    }
  });

  test("of what is done with: it is not sent again", () => {
    const { flash } = written();
    flashQueue(flash).drain();
    for (let at = 0; at < 3 * 256; at += 1) {
      const other = flash.copy();
      other.bytes[at] = (other.bytes[at] as number) ^ (1 << (at % 8));
      expect(flashQueue(other).drain()).toEqual([]);
    }
  });
});

testProperty(
  "any bytes at all are read without a fault, and written over",
  25,
  fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 768 }),
    fc.integer({ min: 0, max: 767 }),
    (noise, at) => {
      const flash = new NorFlash(3, 256);
      const first = flashQueue(flash);
      for (let i = 0; i < 10; i += 1) first.add(`message ${i}`);
      for (const [i, byte] of noise.entries()) flash.bytes[(at + i) % 768] = byte;
      const { drain, add } = flashQueue(flash);
      expect(drain().every((text) => /^message \d$/.test(text))).toBe(true);
      for (let i = 0; i < 10; i += 1) add(`later ${i}`);
      expect(flashQueue(flash).drain()).toEqual(Array.from({ length: 10 }, (_, i) => `later ${i}`));
    },
  ),
);
