// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Retry, type RetryCounts, Road } from "../../../src/agent/retry";
import { BerthError } from "../../../src/error";
import { testProperty } from "../../helpers/seeds";

const UNAVAILABLE = new BerthError("connack-server-unavailable");
const PASSING = new BerthError("connection-lost");
const FINAL = new BerthError("subscribe-refused");
/** Of random numbers. */
const TOP = 1 - 2 ** -40;
const NEVER = Number.NEGATIVE_INFINITY;
const AT_DPS = { registered: false, known: false };

/** Milliseconds until the hub may be tried after each of so many failures in a row, `random` at the top. */
function hubWaits(count: number, error = PASSING): number[] {
  const retry = new Retry({});
  return Array.from({ length: count }, () => {
    retry.hubFailed(error, false, false, 0, TOP);
    return retry.next(true, false, 0).at;
  });
}

describe("the hub", () => {
  test("seconds at first, under a minute for half an hour, then up to 7 minutes", () => {
    const waits = hubWaits(100);
    expect(waits.slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 50_000, 50_000]);
    const brisk = waits.filter((wait) => wait <= 60_000);
    expect(brisk).toHaveLength(54);
    // The wait is three quarters of that on average.
    expect(brisk.reduce((sum, wait) => sum + 0.75 * wait, 0)).toBeGreaterThan(30 * 60_000);
    expect(waits.slice(54, 58)).toEqual([64_000, 128_000, 256_000, 420_000]);
    expect(waits.at(-1)).toBe(420_000);
  });

  test("what only a person can mend: a minute at first, an hour in the end", () => {
    expect(hubWaits(9, FINAL)).toEqual([
      60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000, 3_600_000,
    ]);
  });

  test("is given up after 10 failures; where DPS names it again, after 20, then each time after 40", () => {
    const retry = new Retry({});
    const needed: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      let failures = 0;
      for (; !retry.hubIsGone; failures += 1) retry.hubFailed(PASSING, false, false, 0, 0);
      needed.push(failures);
      retry.assigned(true, true, 0, 0);
    }
    expect(needed).toEqual([10, 20, 40, 40, 40]);
  });

  test("a refusal, and the end of a connection that stood, are no failures of it", () => {
    const retry = new Retry({ maximumFailures: 1 });
    retry.hubFailed(new BerthError("connack-not-authorized"), true, false, 0, 0);
    retry.hubFailed(PASSING, false, true, 0, 0);
    expect([retry.hubIsGone, retry.attempts, retry.finals]).toEqual([false, 2, 0]);
  });

  test("a connection that stood clears what may pass; what a person had to mend takes longer", () => {
    const retry = new Retry({});
    retry.hubFailed(PASSING, false, false, 0, 0);
    retry.hubFailed(FINAL, false, false, 0, 0);
    retry.assigned(true, true, 0, 0);
    retry.stood();
    expect([retry.attempts, retry.failures, retry.rounds, retry.finals]).toEqual([0, 0, 0, 1]);
    retry.mended();
    expect(retry.isFresh(60_000)).toBe(true);
  });
});

describe("DPS", () => {
  test("a connection to the hub that stood says nothing of DPS while a request for it waits", () => {
    const retry = new Retry({});
    for (let i = 0; i < 6; i += 1) {
      retry.registering();
      retry.dpsFailed(FINAL, { registered: true, known: true }, NEVER, 0, TOP);
    }
    const { dpsAt, registrations, refusals } = retry;
    expect([dpsAt > 60_000, registrations, refusals]).toEqual([true, 6, 6]);
    retry.stood(true);
    expect([retry.dpsAt, retry.registrations, retry.refusals]).toEqual([dpsAt, 6, 6]);
    retry.stood();
    expect([retry.dpsAt, retry.registrations, retry.refusals]).toEqual([NEVER, 0, 0]);
  });

  test("registrations in a row: seconds at first, an hour in the end", () => {
    const retry = new Retry({});
    const waits = Array.from({ length: 14 }, () => {
      retry.registering();
      return retry.registrationDelay(TOP);
    });
    expect(waits.slice(0, 4)).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(waits.slice(-3)).toEqual([3_600_000, 3_600_000, 3_600_000]);
  });

  test("over its quota: a minute at most above what it tells for 60 times, five for 60, then an hour", () => {
    const retry = new Retry({});
    const waits = Array.from({ length: 122 }, () => {
      retry.registering();
      return retry.registrationDelay(TOP, true, 3) / 1000;
    });
    expect(waits.slice(0, 7)).toEqual([4, 4, 8, 16, 32, 60, 60]);
    expect(waits.slice(58, 62)).toEqual([60, 60, 300, 300]);
    expect(waits.slice(118)).toEqual([300, 300, 3_600, 3_600]);
    expect(retry.registrationDelay(TOP, true, 7_200)).toBe(7_250_000);
    // It billed none of them: what fails otherwise is tried as soon as ever.
    retry.registering();
    expect(retry.registrationDelay(TOP)).toBe(2_000);
    retry.stood();
    retry.registering();
    expect([retry.registrationDelay(TOP), retry.registrationDelay(TOP, true)]).toEqual([2_000, 2_000]);
  });

  test("is asked when a hub has said 'unavailable' four times as often as others may fail", () => {
    const retry = new Retry({});
    for (let i = 0; i < 39; i += 1) retry.hubFailed(UNAVAILABLE, false, false, 0, 0);
    expect(retry.hubIsGone).toBe(false);
    retry.hubFailed(UNAVAILABLE, false, false, 0, 0);
    expect(retry.hubIsGone).toBe(true);
  });

  test("cannot be reached: soon, for nothing is billed; where a hub is known, as a registration", () => {
    const waits = [false, true].map((known) => {
      const retry = new Retry({});
      for (let i = 0; i < 20; i += 1) retry.dpsFailed(PASSING, { ...AT_DPS, known }, NEVER, 0, TOP);
      return retry.dpsAt;
    });
    expect(waits).toEqual([420_000, 3_600_000]);
  });

  test("an operation in hand is asked for soon, however many registrations there were", () => {
    const retry = new Retry({});
    for (let i = 0; i < 20; i += 1) retry.registering();
    retry.assigning("op", 0);
    retry.dpsFailed(PASSING, { registered: true, known: false }, NEVER, 0, TOP);
    expect([retry.dpsAt, retry.resume(0)]).toEqual([1_000, "op"]);
    retry.dpsFailed(FINAL, { registered: true, known: false }, NEVER, 0, TOP);
    expect([retry.dpsAt, retry.resume(0)]).toEqual([3_600_000, undefined]);
  });

  test("an operation is dropped by what cannot be understood, by two attempts that it outlasts, and by its age", () => {
    const timeout = new BerthError("dps-timeout");
    for (const [error, after, kept] of [
      [new BerthError("dps-malformed"), 1, false],
      [new BerthError("dps-disabled"), 1, false],
      [timeout, 600_000, true],
      [timeout, 1_200_000, false],
      [PASSING, 1_200_000, true],
      [PASSING, 3_600_001, false],
    ] as const) {
      const retry = new Retry({});
      retry.assigning("op", 0);
      // The same operation, asked for again, grows no younger.
      retry.assigning("op", after - 1);
      retry.dpsFailed(error, AT_DPS, NEVER, after, 0);
      expect([error.code, after, retry.resume(after) !== undefined]).toEqual([error.code, after, kept]);
    }
  });

  test("what it told is a floor for it alone, and stays when a person asks", () => {
    const retry = new Retry({});
    retry.dpsFailed(PASSING, { ...AT_DPS, known: true }, 7_200_000, 0, 0);
    expect(retry.next(true, true, 0)).toEqual({ road: Road.HUB, at: 0 });
    retry.dpsNow();
    expect(retry.dpsAt).toBe(7_200_000);
    retry.forget();
    expect([retry.dpsAt, retry.isFresh(7_200_000), retry.isFresh(0)]).toEqual([7_200_000, true, false]);
  });

  test("names the known hub again and again: 1, 4, 16, then 60 minutes at most until the next question", () => {
    const retry = new Retry({});
    const waits = Array.from({ length: 5 }, () => {
      retry.assigned(true, true, 0, TOP);
      return retry.dpsAt / 60_000;
    });
    expect(waits).toEqual([1, 4, 16, 60, 60]);
    retry.hubFailed(PASSING, true, false, 0, 0);
    retry.assigned(false, true, 5, 0);
    expect([retry.isFresh(5), retry.next(true, false, 5).at]).toEqual([true, 5]);
  });
});

test("what is next: DPS where no hub is known; else whichever may be taken first, DPS before the hub", () => {
  const retry = new Retry({});
  expect(retry.next(false, false, 9)).toEqual({ road: Road.DPS, at: 9 });
  expect(retry.next(true, false, 9)).toEqual({ road: Road.HUB, at: 9 });
  expect(retry.next(true, true, 9)).toEqual({ road: Road.DPS, at: 9 });
  retry.dpsSoon(9, 0);
  expect(retry.next(true, true, 9)).toEqual({ road: Road.HUB, at: 9 });
  retry.hubFailed(FINAL, false, false, 9, 0);
  expect(retry.next(true, true, 9)).toEqual({ road: Road.DPS, at: 509 });
});

test("options replace the times", () => {
  const retry = new Retry({ backoff: { base: 20, cap: 100 }, slowBackoff: { base: 20, cap: 200 } });
  for (let i = 0; i < 90; i += 1) {
    retry.hubFailed(PASSING, false, false, 0, TOP);
    retry.registering();
  }
  expect([retry.next(true, false, 0).at, retry.registrationDelay(TOP)]).toEqual([100, 200]);
});

const happening = fc.oneof(
  fc.record({ hub: fc.constantFrom(PASSING, FINAL), refused: fc.boolean(), stood: fc.boolean() }),
  fc.record({ dps: fc.constantFrom(PASSING, FINAL), known: fc.boolean(), told: fc.nat(86_400_000) }),
  fc.record({ same: fc.boolean(), needed: fc.boolean() }),
  fc.constant({ stood: true as const }),
  fc.constant({ registering: true as const }),
);

testProperty(
  "whatever happens, what it told is kept, no wait is over a day and a minute, and another run goes on with it",
  300,
  fc.property(
    fc.array(happening, { maxLength: 400 }),
    fc.double({ min: 0, max: TOP, noNaN: true }),
    (all, random) => {
      const retry = new Retry({});
      let now = 0;
      for (const one of all) {
        now += 1_000;
        if ("hub" in one) retry.hubFailed(one.hub, one.refused, one.stood, now, random);
        else if ("dps" in one) {
          retry.dpsFailed(one.dps, { ...AT_DPS, known: one.known }, now + one.told, now, random);
          expect(retry.dpsAt).toBeGreaterThanOrEqual(now + one.told);
        } else if ("same" in one) retry.assigned(one.same, one.needed, now, random);
        else if ("stood" in one) retry.stood();
        else retry.registering();
        for (const known of [false, true]) {
          const { at } = retry.next(known, true, now);
          expect(at - now).toBeGreaterThanOrEqual(0);
          expect(at - now).toBeLessThanOrEqual(86_400_000 + 60_000);
        }
        for (const count of countsOf(retry))
          expect([Number.isInteger(count), count <= 255]).toEqual([true, true]);
      }
      const { attempts, finals, failures, rounds, registrations, refusals } = retry;
      const counts: RetryCounts = { attempts, finals, failures, rounds, registrations, refusals };
      const other = new Retry({});
      other.restore(counts, retry.dpsAt, retry.toldAt);
      expect([other.dpsAt, other.toldAt, countsOf(other)]).toEqual([
        retry.dpsAt,
        retry.toldAt,
        countsOf(retry),
      ]);
    },
  ),
);

function countsOf({ attempts, finals, failures, rounds, registrations, refusals }: RetryCounts): number[] {
  return [attempts, finals, failures, rounds, registrations, refusals];
}
