// SPDX-License-Identifier: MIT
/** What is counted while a fleet runs: by the second, and the time at which each device was back. */

/** A number for each second; grows by itself. */
export class Series {
  #counts = new Uint32Array(4_096);
  /** Seconds up to the last one that has a count. */
  length = 0;
  total = 0;

  add(second: number, count = 1): void {
    if (second >= this.#counts.length) {
      const grown = new Uint32Array(Math.max(second + 1, this.#counts.length * 2));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[second] = (this.#counts[second] as number) + count;
    this.length = Math.max(this.length, second + 1);
    this.total += count;
  }

  at(second: number): number {
    return this.#counts[second] ?? 0;
  }

  /** The most in `span` seconds in a row, from whole multiples of it. */
  most(span = 1): number {
    let most = 0;
    for (let from = 0; from < this.length; from += span) {
      let sum = 0;
      for (let second = from; second < from + span; second += 1) sum += this.at(second);
      most = Math.max(most, sum);
    }
    return most;
  }

  /** The most in a second, for each of `points` parts of the first `seconds`. */
  peaks(points: number, seconds: number): number[] {
    return parts(points, seconds, (from, to) => {
      let most = 0;
      for (let second = from; second < to; second += 1) most = Math.max(most, this.at(second));
      return most;
    });
  }

  /** Sums up to the end of each part. */
  sums(points: number, seconds: number): number[] {
    let sum = 0;
    return parts(points, seconds, (from, to) => {
      for (let second = from; second < to; second += 1) sum += this.at(second);
      return sum;
    });
  }
}

function parts(points: number, seconds: number, of: (from: number, to: number) => number): number[] {
  return Array.from({ length: points }, (_, part) =>
    of(Math.floor((part * seconds) / points), Math.floor(((part + 1) * seconds) / points)),
  );
}

/** Names of what is counted. */
export const COUNTED = Object.freeze([
  /** Connections that a hub has accepted, and CONNACK 3. */
  "connections",
  "refused",
  "unknown",
  /** Registrations that DPS took, and 429. */
  "registrations",
  "throttled",
  "polls",
  /** TLS handshakes with DPS and with hubs. */
  "handshakes",
  "messages",
  /** Devices that a hub has no connection of any more. */
  "left",
] as const);

export type Counted = (typeof COUNTED)[number];

/** Numbers of a run, as its JSON has them. */
export interface Figures {
  readonly devices: number;
  readonly back: number;
  /** Seconds from the event until so many percent were at their hub. */
  readonly secondsUntil: Readonly<Record<"50" | "99" | "100", number | null>>;
  readonly totals: Readonly<Record<Counted, number>>;
  /** The most in one second, for DPS in one minute. */
  readonly peaks: {
    readonly connections: number;
    readonly attempts: number;
    readonly registrationsInMinute: number;
    readonly throttled: number;
  };
  /** Device-seconds without a hub, a device: the mean. */
  readonly secondsAway: number;
  /** Seconds that were simulated, from the event on. */
  readonly seconds: number;
  /** It was ended before. */
  readonly interrupted: boolean;
  /** What a device or a server did against its rules; none unless the simulator or a device is wrong. */
  readonly faults: readonly string[];
  readonly plot: Plot;
}

/** The same points of time for all series. */
export interface Plot {
  /** Seconds between two points. */
  readonly step: number;
  readonly connections: readonly number[];
  readonly refused: readonly number[];
  readonly registrations: readonly number[];
  readonly throttled: readonly number[];
  /** Percent of the fleet at their hub. */
  readonly online: readonly number[];
}

const POINTS = 240;
const MOST_FAULTS = 5;

export class Recorder {
  readonly #devices: number;
  readonly #series = new Map<Counted, Series>(COUNTED.map((name) => [name, new Series()]));
  /** Ticks at which each was back; 0 before. */
  readonly #backAt: Float64Array;
  readonly #faults: string[] = [];
  /** Ticks of the event: nothing counts before. */
  #since = Number.POSITIVE_INFINITY;
  #online = 0;
  #onlineAtEvent = 0;
  back = 0;

  constructor(devices: number) {
    this.#devices = devices;
    this.#backAt = new Float64Array(devices);
  }

  /** The event that the scenario is about. */
  begin(now: number): void {
    this.#since = now;
    this.#onlineAtEvent = this.#online;
  }

  count(name: Counted, now: number): void {
    if (now >= this.#since) this.series(name).add(this.#second(now));
  }

  came(device: number, now: number): void {
    this.#online += 1;
    this.count("connections", now);
    if (now < this.#since || (this.#backAt[device] as number) > 0) return;
    this.#backAt[device] = Math.max(now, 1);
    this.back += 1;
  }

  left(now: number): void {
    this.#online -= 1;
    this.count("left", now);
  }

  fault(what: string): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(what);
  }

  series(name: Counted): Series {
    return this.#series.get(name) as Series;
  }

  figures(now: number, interrupted: boolean): Figures {
    const seconds = Math.max(1, Math.ceil((now - this.#since) / 1000));
    const all = Object.fromEntries([...this.#series].map(([name, { total }]) => [name, total]));
    const connections = this.series("connections");
    const refused = this.series("refused");
    const left = this.series("left");
    const points = Math.min(POINTS, seconds);
    const came = connections.sums(points, seconds);
    const gone = left.sums(points, seconds);
    const percent = (count: number): number => Math.round((count / this.#devices) * 10_000) / 100;
    let attempts = 0;
    let away = 0;
    let online = this.#onlineAtEvent;
    for (let second = 0; second < seconds; second += 1) {
      attempts = Math.max(attempts, connections.at(second) + refused.at(second));
      online += connections.at(second) - left.at(second);
      away += this.#devices - online;
    }
    return {
      devices: this.#devices,
      back: this.back,
      secondsUntil: this.#until(),
      totals: all as Record<Counted, number>,
      peaks: {
        connections: connections.most(),
        attempts,
        registrationsInMinute: this.series("registrations").most(60),
        throttled: this.series("throttled").most(),
      },
      secondsAway: Math.round((away / this.#devices) * 10) / 10,
      seconds,
      interrupted,
      faults: this.#faults,
      plot: {
        step: seconds / points,
        connections: connections.peaks(points, seconds),
        refused: refused.peaks(points, seconds),
        registrations: this.series("registrations").peaks(points, seconds),
        throttled: this.series("throttled").peaks(points, seconds),
        online: came.map((count, point) => percent(this.#onlineAtEvent + count - (gone[point] as number))),
      },
    };
  }

  #second(now: number): number {
    return Math.floor((now - this.#since) / 1000);
  }

  #until(): Figures["secondsUntil"] {
    const times = this.#backAt.filter((at) => at > 0).sort();
    const until = (share: number): number | null => {
      const at = times[Math.ceil(this.#devices * share) - 1];
      return at === undefined ? null : Math.round((at - this.#since) / 100) / 10;
    };
    return { "50": until(0.5), "99": until(0.99), "100": until(1) };
  }
}
