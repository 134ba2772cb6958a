// SPDX-License-Identifier: MIT
import "./xs-globals";
import { describe, expect, jest, test } from "@jest/globals";
import { ModdableClock } from "../../../hosts/moddable/clock";
import { Diary } from "../../../hosts/moddable/diary";
import { Indicator, Signal } from "../../../hosts/moddable/indicator";
import { LongPress } from "../../../hosts/moddable/long-press";
import { PreferenceStore, type PreferenceValue } from "../../../hosts/moddable/store";
import { ModdableText } from "../../../hosts/moddable/text";
import { ModdableTimers } from "../../../hosts/moddable/timers";
import { Watchdog } from "../../../hosts/moddable/watchdog";
import { BerthError } from "../../../src/error";
import { MemoryStore, nodeText, VirtualTime } from "../../../simulator/virtual-host";

function fakePreferences(broken = false) {
  const values = new Map<string, PreferenceValue>();
  const attempt = <T>(action: () => T): T => {
    if (broken) throw new Error("nvs set fail");
    return action();
  };
  return {
    values,
    get: (domain: string, key: string) => attempt(() => values.get(`${domain}/${key}`)),
    set: (domain: string, key: string, value: PreferenceValue) =>
      attempt(() => void values.set(`${domain}/${key}`, value)),
    delete: (domain: string, key: string) => attempt(() => void values.delete(`${domain}/${key}`)),
  };
}

describe("store", () => {
  test("keeps bytes, and a view's bytes alone", () => {
    const preferences = fakePreferences();
    const store = new PreferenceStore(preferences, "berth");
    store.write("key", Uint8Array.of(9, 1, 2, 9).subarray(1, 3));
    expect(store.read("key")).toEqual(Uint8Array.of(1, 2));
    expect((preferences.values.get("berth/key") as ArrayBuffer).byteLength).toBe(2);
    store.delete("key");
    expect(store.read("key")).toBeUndefined();
  });

  test.each(["", "a b", "x".repeat(16)])("refuses the domain %j", (domain) => {
    expect(() => new PreferenceStore(fakePreferences(), domain)).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });

  test("turns what NVS throws, and a value of another type, into store-failed", () => {
    const failed = expect.objectContaining({ code: "store-failed" });
    expect(() => new PreferenceStore(fakePreferences(true), "d").write("k", Uint8Array.of(1))).toThrow(
      failed,
    );
    const preferences = fakePreferences();
    preferences.values.set("d/k", "text");
    expect(() => new PreferenceStore(preferences, "d").read("k")).toThrow(failed);
  });
});

describe("clock", () => {
  const bounds = { earliest: 1_000, latest: 2_000 };

  test("is not set outside its bounds", () => {
    const clock = new ModdableClock({ ticks: 0, delta: (a, b) => b - a }, bounds);
    const now = jest.spyOn(Date, "now");
    for (const [time, shown] of [
      [999, undefined],
      [1_000, 1_000],
      [2_000, 2_000],
      [2_001, undefined],
    ] as const) {
      now.mockReturnValue(time);
      expect(clock.now()).toBe(shown);
    }
    now.mockRestore();
  });

  test("ticks go on over a wrap of 32 bits and never back", () => {
    const source = { ticks: 0x7fff_fff0, delta: (start: number, end: number) => (end - start) | 0 };
    const clock = new ModdableClock(source, bounds);
    source.ticks = -0x7fff_fff0;
    expect(clock.ticks()).toBe(0x20);
    source.ticks -= 0x10;
    expect(clock.ticks()).toBe(0x20);
    source.ticks += 5;
    expect(clock.ticks()).toBe(0x25);
  });
});

describe("timers", () => {
  test("long delays pass in steps of a day, fractions are rounded up, negative ones fire", () => {
    const time = new VirtualTime();
    const delays: number[] = [];
    const native = {
      set: (callback: () => void, delay: number) => {
        delays.push(delay);
        return time.set(callback, delay);
      },
      clear: (handle: object) => time.clear(handle),
    };
    const timers = new ModdableTimers(native, () => {});
    const fired: string[] = [];
    timers.set(() => fired.push("long"), 2.5 * 86_400_000);
    timers.set(() => fired.push("fraction"), 1.2);
    timers.set(() => fired.push("negative"), -5);
    expect(delays).toEqual([86_400_000, 2, 0]);
    time.advance(3);
    expect(fired).toEqual(["negative", "fraction"]);
    time.advance(2.5 * 86_400_000);
    expect(fired).toContain("long");
  });

  test("clear works once, twice, after firing and between two steps", () => {
    const time = new VirtualTime();
    const timers = new ModdableTimers<object>(
      { set: (c, d) => time.set(c, d), clear: (h) => time.clear(h) },
      () => {},
    );
    const callback = jest.fn();
    const long = timers.set(callback, 3 * 86_400_000);
    time.advance(86_400_001);
    timers.clear(long);
    timers.clear(long);
    timers.clear(undefined);
    time.advance(10 * 86_400_000);
    expect(callback).not.toHaveBeenCalled();
    expect(time.pending).toBe(0);
  });

  test("an exception goes to onError and no further", () => {
    const time = new VirtualTime();
    const onError = jest.fn();
    const timers = new ModdableTimers<object>(
      { set: (c, d) => time.set(c, d), clear: (h) => time.clear(h) },
      onError,
    );
    timers.set(() => {
      throw new Error("oops");
    }, 1);
    time.advance(1);
    expect(onError).toHaveBeenCalledTimes(1);
    expect(() => timers.set(() => {}, Number.NaN)).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });
});

describe("text, random", () => {
  const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));

  test("UTF-8 there and back; a lone surrogate becomes U+FFFD", () => {
    expect(text.decode(text.encode("aé€😀\0"))).toBe("aé€😀\0");
    expect(text.encode("\uD800")).toEqual(Uint8Array.of(0xef, 0xbf, 0xbd));
    expect(() => text.decode(Uint8Array.of(0xc0, 0x80))).toThrow();
  });
});

describe("LED, button, watchdog, diary", () => {
  /** When the LED changed: [milliseconds, on]. */
  function shown(signal: Signal, duration: number): [number, boolean][] {
    const time = new VirtualTime();
    const changes: [number, boolean][] = [];
    const led = {
      on: () => void changes.push([time.ticks(), true]),
      off: () => void changes.push([time.ticks(), false]),
    };
    new Indicator(led, time).show(signal);
    time.advance(duration);
    return changes;
  }

  test.each([1, 2, 3, 4, 6] as const)("%i blinks, then a pause", (signal) => {
    const round = signal * 300 + 1_050;
    const changes = shown(signal, round - 1);
    expect(changes.filter(([, on]) => on)).toHaveLength(signal);
    expect(changes.at(-1)).toEqual([(2 * signal - 1) * 150, false]);
    expect(shown(signal, round).at(-1)).toEqual([round, true]);
  });

  test("connected is steady, a new signal ends the old one, no LED is fine", () => {
    expect(shown(Signal.CONNECTED, 60_000)).toEqual([[0, true]]);
    const time = new VirtualTime();
    const indicator = new Indicator(undefined, time);
    indicator.show(Signal.ERROR);
    indicator.close();
    const lit = new Indicator({ on: () => {}, off: () => {} }, time);
    lit.show(Signal.ERROR);
    lit.show(Signal.ERROR);
    lit.show(Signal.CONNECTED);
    expect(time.pending).toBe(0);
  });

  test("only a press that is held counts, and a bounce starts it anew", () => {
    const time = new VirtualTime();
    let push: (pressed: number) => void = () => {};
    const close = jest.fn();
    class Button {
      close = close;
      constructor(options: { readonly onPush: (pressed: number) => void }) {
        push = options.onPush;
      }
    }
    const onLongPress = jest.fn();
    const press = new LongPress({ Button: { io: Button }, timers: time, onLongPress });
    push(1);
    time.advance(4_999);
    push(0);
    time.advance(10_000);
    expect(onLongPress).not.toHaveBeenCalled();
    push(1);
    push(0);
    push(1);
    time.advance(5_000);
    expect(onLongPress).toHaveBeenCalledTimes(1);
    push(1);
    press.close();
    time.advance(5_000);
    expect(onLongPress).toHaveBeenCalledTimes(1);
    expect(close).toHaveBeenCalled();
  });

  test("the watchdog bites when there was no life, and leaves a device alone that waits", () => {
    const time = new VirtualTime();
    const onStuck = jest.fn();
    let lifeAt = 0;
    const options = { timers: time, clock: time, store: new MemoryStore(), limit: 60_000, onStuck };
    const watchdog = new Watchdog({ ...options, lifeAt: () => lifeAt });
    for (let i = 0; i < 10; i += 1) {
      time.advance(50_000);
      lifeAt = time.ticks();
    }
    // A wait of an hour that a server asked for.
    lifeAt = time.ticks() + 3_600_000;
    time.advance(3_600_000 + 59_000);
    expect(onStuck).not.toHaveBeenCalled();
    time.advance(20_000);
    expect(onStuck.mock.calls).toEqual([[60_000]]);
    watchdog.close();
  });

  test("each restart that brings nothing doubles the watchdog's limit, up to 64 times, until one does", () => {
    const time = new VirtualTime();
    const store = new MemoryStore();
    const limits: number[] = [];
    const run = (): Watchdog => {
      const from = time.ticks();
      const onStuck = (limit: number): void => {
        limits.push(limit);
        expect(time.ticks() - from).toBeGreaterThanOrEqual(limit);
      };
      return new Watchdog({ timers: time, clock: time, store, limit: 60_000, lifeAt: () => from, onStuck });
    };
    for (let i = 0; i < 9; i += 1) {
      const watchdog = run();
      time.advance(2 ** Math.min(i, 6) * 60_000 + 15_000);
      watchdog.close();
    }
    run().works();
    expect(store.values.size).toBe(0);
    run();
    time.advance(75_000);
    expect(limits.map((limit) => limit / 60_000)).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64, 1]);
  });

  test("a store that fails keeps no watchdog from biting", () => {
    const time = new VirtualTime();
    const onStuck = jest.fn();
    const fails = (): never => {
      throw new BerthError("store-failed");
    };
    const store = { read: fails, write: fails, delete: fails };
    new Watchdog({ timers: time, clock: time, store, limit: 60_000, lifeAt: () => 0, onStuck });
    time.advance(60_000);
    expect(onStuck).toHaveBeenCalledTimes(1);
  });

  test("the diary outlives a restart and spares the flash", () => {
    const time = new VirtualTime();
    const store = new MemoryStore();
    const write = jest.spyOn(store, "write");
    const diary = new Diary(store, nodeText, time);
    diary.note("hub", new BerthError("connection-lost", "x".repeat(1000)));
    for (let i = 0; i < 30; i += 1) {
      time.advance(60_000);
      diary.note("hub", new BerthError("connection-lost"));
    }
    expect(write).toHaveBeenCalledTimes(1);
    diary.note("dps", new BerthError("dps-throttled"));
    expect(write).toHaveBeenCalledTimes(2);
    expect(new Diary(store, nodeText, time).last).toMatchObject({ phase: "dps", code: "dps-throttled" });
    expect(store.read("lastError")?.length).toBeLessThan(1000);
  });

  test("two errors that alternate are written once an hour each", () => {
    const time = new VirtualTime();
    const store = new MemoryStore();
    const write = jest.spyOn(store, "write");
    const diary = new Diary(store, nodeText, time);
    for (let minute = 0; minute < 1_440; minute += 2) {
      diary.note("hub", new BerthError("connack-not-authorized"));
      time.advance(60_000);
      diary.note("dps", new BerthError("dps-server-error"));
      time.advance(60_000);
    }
    expect(write.mock.calls.length).toBeLessThanOrEqual(48);
    expect(diary.last?.code).toBe("dps-server-error");
  });

  test("a broken diary is no reason to stop", () => {
    const store = new MemoryStore();
    store.write("lastError", Uint8Array.of(0xff, 0x7b));
    const diary = new Diary(store, nodeText, new VirtualTime());
    expect(diary.last).toBeUndefined();
    jest.spyOn(store, "write").mockImplementation(() => {
      throw new BerthError("store-failed");
    });
    diary.note("hub", new BerthError("connection-lost"));
    expect(diary.last?.code).toBe("connection-lost");
  });
});
