// SPDX-License-Identifier: MIT
/** The small parts of the Node host: text, clock, random, timers, and their composition. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, jest, test } from "@jest/globals";
import { clock } from "../../../hosts/node/clock";
import { createNodeHost } from "../../../hosts/node/host";
import { random } from "../../../hosts/node/random";
import { text } from "../../../hosts/node/text";
import { timers } from "../../../hosts/node/timers";
import { NodeTransport } from "../../../hosts/node/transport";

afterEach(() => {
  jest.useRealTimers();
});

test("text goes to UTF-8 and back, a byte order mark included", () => {
  for (const value of ["", "abc", "ÄÖ€", "\u{1f6a2}", "\ufeffmark", "\0"]) {
    expect(text.decode(text.encode(value))).toBe(value);
  }
  expect([...text.encode("€")]).toEqual([0xe2, 0x82, 0xac]);
});

test.each([
  ["a lone continuation", [0x80]],
  ["a truncated sequence", [0xe2, 0x82]],
  ["an overlong form", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a code point above 10FFFF", [0xf4, 0x90, 0x80, 0x80]],
])("%s is refused", (_what, bytes) => {
  expect(() => text.decode(Uint8Array.from(bytes))).toThrow();
});

test("the clock is set and its ticks do not go back", () => {
  expect(clock.now()).toBeGreaterThan(Date.parse("2024-01-01"));
  let last = clock.ticks();
  for (let round = 0; round < 1000; round++) {
    const ticks = clock.ticks();
    expect(ticks).toBeGreaterThanOrEqual(last);
    last = ticks;
  }
});

test("random numbers lie in [0, 1), spread, and do not repeat", () => {
  const seen = new Set<number>();
  const buckets = new Array<number>(10).fill(0);
  for (let round = 0; round < 10_000; round++) {
    const value = random();
    expect(value >= 0 && value < 1).toBe(true);
    seen.add(value);
    const bucket = Math.floor(value * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(seen.size).toBe(10_000);
  // 1,000 each are expected with a deviation of 30: 700 is ten deviations away.
  for (const count of buckets) expect(count).toBeGreaterThan(700);
});

test("a timer fires once, never from inside set, and not after clear", () => {
  jest.useFakeTimers();
  const fired: string[] = [];
  timers.set(() => fired.push("soon"), 0);
  timers.set(() => fired.push("negative"), -5);
  const cancelled = timers.set(() => fired.push("cancelled"), 10);
  timers.set(() => fired.push("late"), 20);
  expect(fired).toEqual([]);
  timers.clear(cancelled);
  timers.clear(cancelled);
  timers.clear(undefined);
  jest.advanceTimersByTime(1000);
  expect(fired).toEqual(["soon", "negative", "late"]);
});

test("a timer longer than 24.8 days waits its time", () => {
  jest.useFakeTimers();
  let fired = 0;
  const days = 24 * 3600 * 1000;
  timers.set(() => {
    fired += 1;
  }, 60 * days);
  const cancelled = timers.set(() => {
    fired += 100;
  }, 60 * days);
  jest.advanceTimersByTime(59 * days);
  expect(fired).toBe(0);
  timers.clear(cancelled);
  jest.advanceTimersByTime(2 * days);
  expect(fired).toBe(1);
});

test("a delay that is no number is refused", () => {
  expect(() => timers.set(() => undefined, Number.NaN)).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});

test("the host is composed as asked, with a signer for a key only", () => {
  const base = mkdtempSync(join(tmpdir(), "berth-test-"));
  try {
    const stateDirectory = join(base, "state");
    const plain = createNodeHost({ stateDirectory, roots: ["R"], certificate: "C", key: "K" });
    expect(existsSync(stateDirectory)).toBe(true);
    expect(plain.signer).toBeUndefined();
    expect(plain.transport).toMatchObject({ io: NodeTransport, roots: ["R"], certificate: "C", key: "K" });
    const key = Buffer.alloc(32, 1).toString("base64");
    const keyed = createNodeHost({ stateDirectory, roots: ["R"], symmetricKey: key });
    expect(keyed.signer?.sign(text.encode("x"))).toHaveLength(32);
    keyed.store.write("k", text.encode("v"));
    expect(plain.store.read("k")).toEqual(text.encode("v"));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
