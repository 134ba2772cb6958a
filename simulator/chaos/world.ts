// SPDX-License-Identifier: MIT
/**
 * A run: devices, faults and calm in turn, all from one seed. Each device has streams of random numbers of its own, so that
 * it meets the same whether or not others are there.
 */
import { Random } from "../random";
import { VirtualTime } from "../virtual-time";
import { applyFault, describe, drawFaults, type FaultKind } from "./faults";
import { stamp } from "./trace";
import { LONGEST_RETURN, type Subject, type Tally, Unit } from "./unit";

const MINUTE = 60_000;
/** Faults come for so long, then it is calm for so long. */
export const STORM = 270 * MINUTE;
export const CALM = 90 * MINUTE;
export const PERIOD = STORM + CALM;
/** In the calm: nothing new is begun, and all must have come to rest. */
const QUIET = CALM - 12 * MINUTE;
const REST = CALM - 2 * MINUTE;
/** Faults of one device and period are fewer. */
const MOST_FAULTS = 1_000;
/** How far virtual time goes before the event loop has its turn. */
const SLICE = 10 * MINUTE;

export interface WorldOptions {
  readonly seed: number;
  /** Whole periods of `PERIOD`. */
  readonly periods: number;
  readonly devices: number;
  readonly subject: Subject;
  /** This device alone. */
  readonly only?: number | undefined;
  /** Whether a fault, by its number, happens; all do where this is absent. */
  readonly happens?: ((fault: number) => boolean) | undefined;
}

/** A rule that was broken. */
export interface Violation {
  readonly device: number;
  /** Ticks. */
  readonly at: number;
  readonly rule: string;
  readonly what: string;
  /** The last events of the device. */
  readonly trace: readonly string[];
  /** Faults that had happened to it by then, by number, in words. */
  readonly faults: ReadonlyMap<number, string>;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  /** Sum of the hours that devices have lived. */
  readonly deviceHours: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly tally: Tally;
  readonly messages: {
    accepted: number;
    acknowledged: number;
    received: number;
    dropped: number;
    lost: number;
  };
}

export class World {
  readonly #options: WorldOptions;
  readonly #time = new VirtualTime();
  readonly #units: Unit[] = [];
  readonly #faults = new Map<FaultKind, number>();
  /** By device, what has happened to it in this period and before. */
  readonly #happened = new Map<Unit, Map<number, string>>();
  #violation: Violation | undefined;
  readonly #tally: Tally = {
    boots: 0,
    powerCuts: 0,
    connections: 0,
    registrations: 0,
    polls: 0,
    methods: 0,
    c2d: 0,
    twins: 0,
    writes: 0,
    longestReturn: 0,
    returns: 0,
  };

  constructor(options: WorldOptions) {
    this.#options = options;
    for (let index = 0; index < options.devices; index += 1) {
      if (options.only === undefined || options.only === index) this.#units.push(this.#unit(index));
    }
  }

  /** Lets all of it happen, to its end or the first violation. @param yields gives up to the event loop; false ends the run */
  async run(yields: (outcome: Outcome) => Promise<boolean>): Promise<Outcome> {
    for (const unit of this.#units) this.#begin(unit, 0);
    const end = this.#options.periods * PERIOD;
    while (this.#time.ticks() < end && !this.#violation) {
      this.#time.advance(Math.min(SLICE, end - this.#time.ticks()));
      if (!(await yields(this.outcome))) break;
    }
    return this.outcome;
  }

  /** The same without turns for others. */
  runAtOnce(): Outcome {
    for (const unit of this.#units) this.#begin(unit, 0);
    for (let left = this.#options.periods * PERIOD; left > 0 && !this.#violation; left -= SLICE) {
      this.#time.advance(SLICE);
    }
    return this.outcome;
  }

  get outcome(): Outcome {
    const messages = { accepted: 0, acknowledged: 0, received: 0, dropped: 0, lost: 0 };
    for (const { ledger } of this.#units) {
      for (const name of Object.keys(messages) as (keyof typeof messages)[]) messages[name] += ledger[name];
    }
    return {
      violation: this.#violation,
      deviceHours: (this.#time.ticks() / 3_600_000) * this.#units.length,
      faults: this.#faults,
      tally: this.#tally,
      messages,
    };
  }

  #unit(index: number): Unit {
    const { seed, subject } = this.#options;
    return new Unit({
      seed,
      index,
      time: this.#time,
      subject,
      tally: this.#tally,
      onViolation: (unit, rule, what) => {
        this.#violation ??= {
          device: index,
          at: this.#time.ticks(),
          rule,
          what,
          trace: unit.trace.lines(60),
          faults: this.#happened.get(unit) ?? new Map(),
        };
      },
    });
  }

  /** A period of `unit`. */
  #begin(unit: Unit, period: number): void {
    const { seed, happens, periods } = this.#options;
    const start = this.#time.ticks();
    const random = new Random(seed, unit.index, 7, period);
    const happened = this.#happened.get(unit) ?? new Map<number, string>();
    this.#happened.set(unit, happened);
    unit.storm();
    if (period === 0) unit.later(random.below(60_000), () => unit.boot());
    for (const fault of drawFaults(random, start, STORM)) {
      const number = period * MOST_FAULTS + fault.number;
      if (happens && !happens(number)) continue;
      unit.later(fault.at - start, () =>
        applyFault(unit, fault, start + STORM, () => {
          happened.set(number, `${stamp(unit.now)} ${describe(fault)}`);
          this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
        }),
      );
    }
    this.#serve(unit, new Random(seed, unit.index, 8, period), start + STORM + QUIET);
    unit.later(STORM, () => unit.calm());
    unit.later(STORM + LONGEST_RETURN, () => unit.checkReturn());
    unit.later(STORM + QUIET, () => unit.quiet(true));
    unit.later(STORM + REST, () => unit.checkRest());
    unit.later(PERIOD, () => {
      unit.quiet(false);
      if (period + 1 < periods) this.#begin(unit, period + 1);
    });
  }

  /** Services call, write and wish, until `end`. */
  #serve(unit: Unit, random: Random, end: number): void {
    const next = (): void => {
      const wait = random.spread(20_000, 3_600_000);
      if (unit.now + wait >= end) return;
      unit.later(wait, () => {
        unit.serve(random);
        next();
      });
    };
    next();
  }
}
