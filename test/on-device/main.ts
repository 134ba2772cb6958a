// SPDX-License-Identifier: MIT
/**
 * Runs the cases one after the other, a line each, and ends the run: status 0 when all passed, else 1. Their order is that of
 * a seed, which is printed: `seed` of mc/config, or of the flash that the runner makes (`npm run test:moddable -- --seed N`).
 */
import { fillRandom } from "berth/natives/random";
import { finish } from "berth/platform";
import config from "mc/config";
import Time from "time";
import { BOUNDS_OF_IMAGE } from "../../hosts/moddable/built";
import { createTimers, loadPreferences } from "../../hosts/moddable/host";
import { randomOf } from "../../hosts/native/random";
import type { Case } from "./check";
import { certificateCases } from "./certificate-cases";
import { connectionCases } from "./connection-cases";
import { keyCases } from "./key-cases";
import { networkCases } from "./network-cases";
import { rootCases } from "./root-cases";
import { shuffled } from "./shuffled";
import { storeCases } from "./store-cases";
import { textCases } from "./text-cases";
import { timeCases } from "./time-cases";

/** Milliseconds. */
const LONGEST_CASE = 20_000;

const timers = createTimers(() => {});

export default function main(): void {
  // A board starts in 1970, and no network tells it the time here: TLS would judge no certificate.
  if (Date.now() < BOUNDS_OF_IMAGE.earliest) Time.set(BOUNDS_OF_IMAGE.earliest / 1000);
  const given = Number(config.seed ?? loadPreferences().get("berth-cases", "seed"));
  const seed = Number.isInteger(given) ? given : Math.floor(randomOf(fillRandom)() * 1_000_000);
  trace(`seed ${seed}\n`);
  const cases = shuffled(
    [
      ...textCases,
      ...keyCases,
      ...storeCases,
      ...networkCases,
      ...timeCases,
      ...rootCases,
      ...certificateCases,
      ...connectionCases,
    ],
    seed,
  );
  runAll(cases).then(
    (failed) => {
      trace(`${cases.length - failed} passed, ${failed} failed\n`);
      finish?.(failed === 0 ? 0 : 1);
    },
    () => finish?.(1),
  );
}

async function runAll(cases: readonly Case[]): Promise<number> {
  let failed = 0;
  for (const one of cases) {
    try {
      await within(LONGEST_CASE, one);
      trace(`ok      ${one.name}\n`);
    } catch (error) {
      failed += 1;
      trace(`FAILED  ${one.name}: ${String(error)}\n`);
    }
  }
  return failed;
}

function within(limit: number, { run }: Case): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = timers.set(() => reject(new Error(`no end after ${limit} ms`)), limit);
    const done = (settle: () => void): void => {
      timers.clear(timer);
      settle();
    };
    Promise.resolve()
      .then(run)
      .then(
        () => done(resolve),
        (error) => done(() => reject(error)),
      );
  });
}
