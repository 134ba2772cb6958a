// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import type { TelemetryMessage } from "../../../src/agent/outbox";
import { flashQueue, textOf } from "../../helpers/flash-queue";
import { NorFlash } from "../../helpers/nor-flash";
import { thrownCode } from "../../helpers/thrown";

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `message ${from + i}`);

/** What is there for one that starts anew. */
function leftIn(flash: NorFlash): string[] {
  return flashQueue(flash).drain();
}

test("first in, first out, with property bags, through restarts at any point", () => {
  const flash = new NorFlash(4, 512);
  const { add, take, queue } = flashQueue(flash);
  for (const text of numbers(1, 6)) add(text, text.endsWith("3") ? "a=1&b" : "");
  expect(queue.count).toBe(6);
  const first = take() as TelemetryMessage;
  expect(textOf(first)).toBe("message 1");
  expect(leftIn(flash.copy())).toEqual([
    "message 1",
    "message 2",
    "message 3 a=1&b",
    "message 4",
    "message 5",
    "message 6",
  ]);
  queue.release(first);
  const restarted = flashQueue(flash);
  expect(restarted.queue.count).toBe(5);
  restarted.add("message 7");
  expect(restarted.drain().map((text) => text.split(" ")[1])).toEqual(["2", "3", "4", "5", "6", "7"]);
  expect(leftIn(flash)).toEqual([]);
});

test("acknowledgements out of order, and messages that are taken back", () => {
  const flash = new NorFlash(4, 512);
  const { add, take, queue, drain } = flashQueue(flash);
  for (const text of numbers(1, 5)) add(text);
  const [one, two, three] = [take(), take(), take()] as [
    TelemetryMessage,
    TelemetryMessage,
    TelemetryMessage,
  ];
  queue.release(two);
  expect(leftIn(flash.copy())).toEqual(["message 1", ...numbers(3, 5)]);
  queue.restore(three);
  queue.restore(one);
  expect(queue.count).toBe(4);
  expect(drain()).toEqual(["message 1", ...numbers(3, 5)]);
});

test("a payload of any bytes, none at all, and the largest", () => {
  const flash = new NorFlash(3, 512);
  const { queue, take } = flashQueue(flash);
  const all = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
  queue.add(all);
  queue.add(new Uint8Array(0));
  queue.add(new Uint8Array(480).fill(0xff));
  expect(thrownCode(() => queue.add(new Uint8Array(481)))).toBe("packet-too-large");
  const again = flashQueue(flash);
  for (const world of [take, again.take])
    expect([world()?.payload, world()?.payload.length, world()?.payload]).toEqual([
      all,
      0,
      new Uint8Array(480).fill(0xff),
    ]);
});

describe("a region that is full", () => {
  test("refuses, and has room once the oldest sector is done with", () => {
    const flash = new NorFlash(3, 256);
    const { add, take, queue, drain } = flashQueue(flash);
    let count = 0;
    const fill = (): void => {
      for (;;) {
        add(`message ${count + 1}`);
        count += 1;
      }
    };
    expect(thrownCode(fill)).toBe("outbox-full");
    // 236 bytes a sector, 24 each: the third one is not erased before the first is free.
    expect(count).toBe(27);
    expect(queue.hasRoom(9)).toBe(false);
    const away = Array.from({ length: 9 }, () => take() as TelemetryMessage);
    for (const message of away.slice(0, 8)) queue.release(message);
    expect(queue.hasRoom(9)).toBe(false);
    queue.release(away[8] as TelemetryMessage);
    expect(queue.hasRoom(9)).toBe(true);
    add("message 28");
    expect(drain()).toEqual(numbers(10, 28));
    expect(leftIn(flash)).toEqual([]);
  });

  test("or drops the oldest, and says how many; what is on its way is none of them", () => {
    const flash = new NorFlash(3, 256);
    const { add, take, queue, drain } = flashQueue(flash, { whenFull: "drop-oldest" });
    for (const text of numbers(1, 27)) expect(add(text)).toBe(0);
    const away = [take(), take()] as [TelemetryMessage, TelemetryMessage];
    expect(add("message 28")).toBe(7);
    expect(queue.count).toBe(19);
    // Its place in flash is another one's now.
    for (const message of away) queue.release(message);
    expect(leftIn(flash.copy())).toEqual(numbers(10, 28));
    expect(drain()).toEqual(numbers(10, 28));
  });

  test("dropped while nothing was read, or all of the sector was", () => {
    const flash = new NorFlash(3, 256);
    const first = flashQueue(flash, { whenFull: "drop-oldest" });
    for (const text of numbers(1, 27)) first.add(text);
    const again = flashQueue(flash, { whenFull: "drop-oldest" });
    expect(again.add("message 28")).toBe(9);
    const away = Array.from({ length: 12 }, () => again.take() as TelemetryMessage);
    expect(away.map(textOf)).toEqual(numbers(10, 21));
    for (const text of numbers(29, 36)) expect(again.add(text)).toBe(0);
    expect(again.add("message 37")).toBe(0);
    expect(again.drain()).toEqual(numbers(22, 37));
  });
});

test("what is another device's does not count, and makes room", () => {
  const flash = new NorFlash(3, 256);
  const other = flashQueue(flash, {}, { registrationId: "device-2" });
  for (const text of numbers(1, 27)) other.add(text);
  const { add, drain, errors, time } = flashQueue(flash);
  expect(drain()).toEqual([]);
  time.advance(0);
  expect(errors.map(({ message }) => /sector . has messages of another device/.test(message))).toEqual([
    true,
    true,
    true,
  ]);
  for (const text of numbers(1, 27)) add(text);
  expect(drain()).toEqual(numbers(1, 27));
});

test("`clear` drops all, and leaves nothing of it in flash", () => {
  const flash = new NorFlash(3, 256);
  const { add, queue, take, drain } = flashQueue(flash);
  for (const text of numbers(1, 25)) add(text);
  const away = take() as TelemetryMessage;
  queue.clear();
  expect([queue.count, queue.oldest]).toEqual([0, undefined]);
  queue.release(away);
  expect(Buffer.from(flash.bytes).includes("message")).toBe(false);
  expect(leftIn(flash.copy())).toEqual([]);
  add("new");
  expect(leftIn(flash.copy())).toEqual(["new"]);
  expect(drain()).toEqual(["new"]);
});

test("before the start, messages wait in memory behind those of the run before", () => {
  const flash = new NorFlash(3, 256);
  flashQueue(flash).add("of the run before");
  const { queue, add, drain } = flashQueue(flash, {}, { start: false });
  add("early");
  expect([flash.writes, queue.oldest]).toEqual([3, undefined]);
  queue.start?.();
  add("late");
  expect(leftIn(flash.copy())).toEqual(["of the run before", "early", "late"]);
  expect(drain()).toEqual(["of the run before", "early", "late"]);
});

describe("flash that takes nothing", () => {
  test("messages wait in memory, told once, and are put into flash when it takes them", () => {
    const flash = new NorFlash(2, 256);
    const { add, queue, errors, time, drain } = flashQueue(flash, { capacity: 3 });
    add("a");
    const write = flash.write.bind(flash);
    flash.write = () => {
      throw new Error("ESP_ERR_FLASH_OP_TIMEOUT");
    };
    add("b");
    add("c");
    add("d");
    expect(thrownCode(() => add("e"))).toBe("outbox-full");
    time.advance(0);
    expect(errors.map(({ code, message }) => [code, message.includes("no sector")])).toEqual([
      ["outbox-unwritten", true],
    ]);
    expect(queue.count).toBe(4);
    flash.write = write;
    expect(drain()).toEqual(["a", "b", "c", "d"]);
    add("f");
    expect(drain()).toEqual(["f"]);
  });

  test("a sector that is worn out is left out; the message goes to the next one", () => {
    const flash = new NorFlash(4, 256);
    const { add, drain, errors, time } = flashQueue(flash);
    flash.broken.add(1);
    for (const text of numbers(1, 24)) add(text);
    time.advance(0);
    expect(errors).toEqual([]);
    expect(leftIn(flash.copy())).toEqual(numbers(1, 24));
    expect(drain()).toEqual(numbers(1, 24));
  });

  test("there is none: the life goes on from memory", () => {
    const flash = new NorFlash(2, 256);
    flash.read = () => {
      throw new Error("can't find partition");
    };
    const { add, drain, errors, time } = flashQueue(flash);
    add("a");
    time.advance(0);
    expect(errors.map(({ code, message }) => [code, message.includes("can't find partition")])).toEqual([
      ["outbox-unwritten", true],
    ]);
    expect(drain()).toEqual(["a"]);
  });

  test("it has had its erases of the day: in memory until there are more", () => {
    const flash = new NorFlash(4, 256);
    const { add, drain, errors, time, queue } = flashQueue(flash, { dailyErases: 2, capacity: 100 });
    for (const text of numbers(1, 20)) add(text);
    time.advance(0);
    expect(errors.map(({ code }) => code)).toEqual(["outbox-worn"]);
    expect([flash.erases, queue.count]).toEqual([[1, 1, 0, 0], 20]);
    expect(leftIn(flash.copy())).toEqual(numbers(1, 18));
    time.advance(43_200_000);
    add("message 21");
    expect(leftIn(flash.copy())).toEqual(numbers(1, 21));
    expect(drain()).toEqual(numbers(1, 21));
  });
});

test.each([
  [1, 4096],
  [4, 200],
  [4, 65_540],
  [4, 1022],
])("a region of %i sectors of %i bytes is none", (sectors, size) => {
  const { errors, time, add, drain } = flashQueue(new NorFlash(sectors, size));
  time.advance(0);
  expect(errors.map(({ code }) => code)).toEqual(["invalid-argument"]);
  add("a");
  expect(drain()).toEqual(["a"]);
});

test("a sector that cannot be erased and keeps an earlier round hides none of the others", () => {
  const flash = new NorFlash(4, 512);
  const { add, drain } = flashQueue(flash);
  const sent = "sent".padEnd(400, ".");
  for (let i = 0; i < 4; i += 1) add(sent);
  drain();
  flash.broken.add(2);
  const erase = flash.erase.bind(flash);
  flash.erase = (sector) => {
    if (sector === 2) throw new Error("erase failed");
    erase(sector);
  };
  const texts = [1, 2, 3].map((i) => `message ${i}`.padEnd(400, "."));
  for (const text of texts) add(text);
  expect(leftIn(flash.copy())).toEqual(texts);
});
