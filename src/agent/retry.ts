// SPDX-License-Identifier: MIT
/**
 * The counters and the arithmetic of coming back. It knows two roads, the hub and DPS, and when each may be taken
 * again; `Agent` decides which one it takes. Nothing here asks a clock or a host: times are handed in.
 *
 * What it costs a device, a day of one failure: docs/errors.md, measured by test/simulator/failures.test.ts.
 */

import { type BackoffPolicy, backoffDelay } from "../backoff";
import type { BerthError } from "../error";

/** Where a connection can go. */
export const Road = Object.freeze({ HUB: 0, DPS: 1 } as const);

export type Road = (typeof Road)[keyof typeof Road];

/** What lasts over a restart. Each is a whole number of 0 to 255: none matters beyond. */
export interface RetryCounts {
  /** Attempts at the hub in a row that ended in an error that may pass, or in a refusal of the identity. */
  readonly attempts: number;
  /** Connections to the hub in a row that ended in an error that only a person can mend. */
  readonly finals: number;
  /** Attempts at the hub in a row that came to no connection since DPS last named it. */
  readonly failures: number;
  /** How often in a row DPS has named the hub that was known and did not take the device. */
  readonly rounds: number;
  /** Registrations in a row without an assignment; where a hub is known, every attempt at DPS. */
  readonly registrations: number;
  /** Attempts at DPS in a row that ended in an error that only a person can mend. */
  readonly refusals: number;
}

export interface RetryOptions {
  /** After an error that may pass. Default 1,000 doubled up to 420,000. */
  readonly backoff?: BackoffPolicy | undefined;
  /** After an error that only a person can mend. Default 60,000 doubled up to 3,600,000. */
  readonly slowBackoff?: BackoffPolicy | undefined;
  /** Failed attempts at the hub in a row after which DPS is asked. Default 10. */
  readonly maximumFailures?: number | undefined;
  /** How long an attempt at DPS may take, milliseconds: an operation that two have not ended is dropped. Default 600,000. */
  readonly assignmentTimeout?: number | undefined;
}

const BACKOFF: BackoffPolicy = Object.freeze({ base: 1_000, cap: 420_000 });
const SLOW_BACKOFF: BackoffPolicy = Object.freeze({ base: 60_000, cap: 3_600_000 });

/** A hub is tried once a minute at least for so many attempts, about half an hour: most outages are over by then. */
const BRISK_ATTEMPTS = 54;
const BRISK_CAP = 50_000;
/** The step that follows it: 2^6 seconds. */
const AFTER_BRISK = 6;
/**
 * DPS that is over its quota takes as many a minute as ever: so many registrations that it sends away wait a minute at most
 * above what it tells (about three quarters of an hour), as many again five. In proportion to what has passed, for a fleet
 * that waits longer leaves the quota unused in the end, and one that does not burdens DPS.
 */
const BRISK_THROTTLED = 60;
const BRISK_THROTTLED_CAP = 60_000;
const THROTTLED_CAP = 300_000;
/** A hub that says 'unavailable' is there, and over its quota rather than gone: of so many one counts as a failure. */
const UNAVAILABLE = 4;
/** An operation of DPS that is older is not gone on with. */
const OPERATION_LIFE = 3_600_000;
const MOST = 255;

export class Retry implements RetryCounts {
  readonly #backoff: BackoffPolicy;
  readonly #slow: BackoffPolicy;
  /** For registrations, which are billed: soon at first, once in 30 to 60 minutes in the end. */
  readonly #billed: BackoffPolicy;
  readonly #maximumFailures: number;
  readonly #assignmentTimeout: number;
  attempts = 0;
  finals = 0;
  failures = 0;
  rounds = 0;
  registrations = 0;
  refusals = 0;
  /** Attempts at DPS in a row that failed. */
  #tries = 0;
  /** Of `registrations`, those that DPS has sent away for its quota. */
  #throttled = 0;
  /** Of the failures at the hub in a row, those that were 'unavailable'. */
  #unavailable = 0;
  /** Ticks before which a road is not taken. */
  #hubAt = Number.NEGATIVE_INFINITY;
  #dpsAt = Number.NEGATIVE_INFINITY;
  /** The part of it that DPS itself has asked for. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Of DPS: to go on with it needs no new (billed) registration. */
  #operationId: string | undefined;
  /** Ticks at which DPS began with it. */
  #operationSince = 0;

  constructor(options: RetryOptions) {
    this.#backoff = options.backoff ?? BACKOFF;
    this.#slow = options.slowBackoff ?? SLOW_BACKOFF;
    this.#billed = { base: this.#backoff.base, cap: this.#slow.cap };
    this.#maximumFailures = options.maximumFailures ?? 10;
    this.#assignmentTimeout = options.assignmentTimeout ?? 600_000;
  }

  /** Ticks before which DPS is not asked. */
  get dpsAt(): number {
    return this.#dpsAt;
  }

  /** Ticks before which DPS does not want to be asked. */
  get toldAt(): number {
    return this.#toldAt;
  }

  /** The hub has failed so often that DPS is asked: longer each time that it names the same hub. */
  get hubIsGone(): boolean {
    return this.failures >= this.#maximumFailures * Math.min(4, 2 ** this.rounds);
  }

  /** DPS has sent registrations away for its quota, and named no hub since. */
  get isThrottled(): boolean {
    return this.#throttled > 0;
  }

  get operationId(): string | undefined {
    return this.#operationId;
  }

  get operationSince(): number {
    return this.#operationSince;
  }

  /** Another run would lose nothing by knowing none of it. */
  isFresh(now: number): boolean {
    const { attempts, finals, failures, rounds, registrations, refusals } = this;
    const counts = attempts + finals + failures + rounds + registrations + refusals;
    return counts === 0 && this.#dpsAt <= now && this.#operationId === undefined;
  }

  /**
   * What may be done next, and from which ticks on.
   * @param known a hub is
   * @param wanted DPS is to be asked
   */
  next(known: boolean, wanted: boolean, now: number): { readonly road: Road; readonly at: number } {
    const hub = Math.max(this.#hubAt, now);
    const dps = Math.max(this.#dpsAt, now);
    // While DPS is waited for, the hub is tried: it may work again, whatever DPS says.
    return !known || (wanted && dps <= hub) ? { road: Road.DPS, at: dps } : { road: Road.HUB, at: hub };
  }

  /** The hub is tried at once. */
  hubNow(now: number): void {
    this.#hubAt = now;
  }

  /** Nothing but DPS's own word keeps from asking it. */
  dpsNow(): void {
    this.#dpsAt = this.#toldAt;
  }

  /** DPS is asked soon, unless it is to be later. */
  dpsSoon(now: number, random: number): void {
    this.#dpsAt = Math.max(this.#dpsAt, now + backoffDelay(this.#backoff, 0, random));
  }

  /**
   * An attempt at the hub, or a connection to it, has ended in `error`.
   * @param refused the hub does not know the device
   * @param stood there was a connection
   */
  hubFailed(error: BerthError, refused: boolean, stood: boolean, now: number, random: number): void {
    if (!stood && !refused && !this.#isShortWord(error)) this.failures = up(this.failures);
    if (error.retriable || refused) {
      this.#hubAt = now + this.#hubDelay(random);
      this.attempts = up(this.attempts);
    } else {
      this.#hubAt = now + backoffDelay(this.#slow, this.finals, random);
      this.finals = up(this.finals);
    }
  }

  /** DPS works on an assignment. */
  assigning(operationId: string, now: number): void {
    if (operationId !== this.#operationId) this.#operationSince = now;
    this.#operationId = operationId;
  }

  /** The next attempt at DPS begins. @returns the operation that it goes on with */
  resume(now: number): string | undefined {
    if (now - this.#operationSince > OPERATION_LIFE) this.#operationId = undefined;
    return this.#operationId;
  }

  /** DPS is to register anew, for somebody has asked. Nothing but its own word keeps from asking it. */
  anew(): void {
    this.#operationId = undefined;
    this.dpsNow();
  }

  /** A registration goes out. */
  registering(): void {
    this.registrations = up(this.registrations);
  }

  /**
   * Milliseconds before the next registration.
   * @param throttled DPS has sent this one away for its quota
   * @param retryAfter seconds, as DPS told
   */
  registrationDelay(random: number, throttled = false, retryAfter?: number): number {
    if (!throttled) {
      return backoffDelay(this.#billed, this.registrations - this.#throttled, random, retryAfter);
    }
    let { cap } = this.#billed;
    if (this.#throttled < BRISK_THROTTLED) cap = Math.min(cap, BRISK_THROTTLED_CAP);
    else if (this.#throttled < 2 * BRISK_THROTTLED) cap = Math.min(cap, THROTTLED_CAP);
    this.#throttled = Math.min(up(this.#throttled), this.registrations);
    return backoffDelay({ base: this.#billed.base, cap }, this.#throttled, random, retryAfter);
  }

  /**
   * An attempt at DPS has ended in `error`.
   * @param registered a registration went out in it
   * @param known a hub is
   * @param told ticks before which DPS does not want to be asked
   */
  dpsFailed(
    error: BerthError,
    { registered, known }: { registered: boolean; known: boolean },
    told: number,
    now: number,
    random: number,
  ): void {
    const floor = Math.max(0, told - now) / 1000;
    const late = now - this.#operationSince >= 2 * this.#assignmentTimeout;
    if (!error.retriable || error.code === "dps-malformed" || (error.code === "dps-timeout" && late)) {
      this.#operationId = undefined;
    }
    let delay = backoffDelay(this.#backoff, this.#tries, random, floor);
    this.#tries = up(this.#tries);
    if (known && !registered) this.registering();
    if (known || (this.#operationId === undefined && this.registrations > 0)) {
      delay = Math.max(delay, this.registrationDelay(random, isThrottle(error, floor), floor));
    }
    if (!error.retriable) {
      delay = Math.max(delay, backoffDelay(this.#slow, this.refusals, random, floor));
      this.refusals = up(this.refusals);
    }
    this.#dpsAt = now + delay;
    if (floor > 0) this.#toldAt = now + floor * 1000;
  }

  /**
   * DPS has assigned a hub.
   * @param same it is the one that was known, under the same device id
   * @param needed DPS was asked because that hub did not take the device
   */
  assigned(same: boolean, needed: boolean, now: number, random: number): void {
    this.registrations = this.refusals = this.#tries = this.#throttled = 0;
    this.#operationId = undefined;
    this.#dpsAt = this.#toldAt = Number.NEGATIVE_INFINITY;
    if (same && needed) {
      // Registrations are billed: 1, 4, 16, then 60 minutes at most until the same question again.
      this.#dpsAt = now + backoffDelay(this.#slow, 2 * this.rounds, random);
      this.rounds = up(this.rounds);
      this.failures = 0;
      return;
    }
    this.#hubAt = now;
    if (!same) this.attempts = this.finals = this.failures = this.rounds = 0;
  }

  /**
   * A connection to the hub has stood for some time.
   * @param asked the application's request for DPS waits still: the hub's word says nothing of DPS, and what slows that down stays
   */
  stood(asked = false): void {
    this.attempts = this.failures = this.rounds = this.#unavailable = 0;
    if (asked) return;
    this.registrations = this.refusals = this.#tries = this.#throttled = 0;
    this.dpsNow();
  }

  /** A connection to the hub has stood so long that what only a person can mend is mended. */
  mended(): void {
    this.finals = 0;
  }

  /** Of another owner from now on: only DPS's own word stays. */
  forget(): void {
    this.stood();
    this.mended();
    this.anew();
  }

  /** Goes on as another run has left it. @param dpsAt @param toldAt ticks */
  restore(counts: RetryCounts, dpsAt: number, toldAt: number): void {
    this.attempts = counts.attempts;
    this.finals = counts.finals;
    this.failures = counts.failures;
    this.rounds = counts.rounds;
    this.registrations = counts.registrations;
    this.refusals = counts.refusals;
    this.#dpsAt = dpsAt;
    this.#toldAt = toldAt;
  }

  /** One that does not count as a failure yet. */
  #isShortWord(error: BerthError): boolean {
    if (error.code !== "connack-server-unavailable") return false;
    this.#unavailable += 1;
    return this.#unavailable % UNAVAILABLE !== 0;
  }

  #hubDelay(random: number): number {
    const brisk = this.attempts < BRISK_ATTEMPTS;
    const { base, cap } = this.#backoff;
    const policy = brisk ? { base, cap: Math.min(cap, BRISK_CAP) } : this.#backoff;
    return backoffDelay(policy, this.attempts - (brisk ? 0 : BRISK_ATTEMPTS - AFTER_BRISK), random);
  }
}

/** DPS has sent a registration away for its quota: 429, or an error of its own for which it tells a time. @param told seconds */
export function isThrottle(error: BerthError, told = 0): boolean {
  return error.code === "dps-throttled" || (error.code === "dps-server-error" && told > 0);
}

function up(count: number): number {
  return Math.min(count + 1, MOST);
}
