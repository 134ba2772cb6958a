// SPDX-License-Identifier: MIT
/** A device with the rules of another SDK. */
import type { ErrorCode } from "../../src/error";
import { Random } from "../random";
import { type DpsAnswer, Line, type LineClient } from "./line";
import type { HubFailure, PeerRules } from "./peers";
import { DPS_NAME } from "./servers";
import type { FleetDevice, FleetWorld } from "./world";

const KEEP_ALIVE = 240_000;

export class PeerDevice implements FleetDevice, LineClient {
  readonly index: number;
  readonly latency: number;
  readonly #world: FleetWorld;
  readonly #rules: PeerRules;
  readonly #random: Random;
  #hub: string | undefined;
  #line: Line | undefined;
  #atDps = false;
  #timer: unknown;
  /** Failed attempts in a row, in this operation; ticks of the first one, and of the operation's. */
  #attempts = 0;
  #since = -1;
  #operationSince = 0;

  constructor(world: FleetWorld, index: number, rules: PeerRules) {
    this.#world = world;
    this.index = index;
    this.#rules = rules;
    this.#random = new Random(world.seed, index);
    this.latency = this.#random.between(20, 120);
  }

  know(hub: string): void {
    this.#hub = hub;
  }

  boot(): void {
    this.#next();
  }

  opened(): void {
    const line = this.#line as Line;
    this.#wait(this.#rules.timeout, () => this.lost("connack-timeout"));
    line.up((server) => server.connect(line));
  }

  connack(code: number): void {
    if (code > 0) this.#failed(code === 3 ? "unavailable" : "unknown");
    else if (this.#atDps) this.#send((line) => line.server.subscribe(line, 1));
    else {
      this.#fresh();
      const line = this.#line as Line;
      line.up((server) => server.publish(line, 1));
      this.#idle(this.#world.now + this.#world.tokenLifetime * this.#rules.renewsAt);
    }
  }

  suback(): void {
    this.#send((line) => line.server.register(line, ""));
  }

  puback(): void {
    // Nothing waits for it.
  }

  pingresp(): void {
    // The server was there.
  }

  answer(_requestId: string, { status, retryAfter, hub }: DpsAnswer): void {
    const { registerDelay, pollDelay } = this.#rules;
    if (status === 202) {
      this.#wait(pollDelay(retryAfter ?? 0), () => this.#send((line) => line.server.poll(line, "")));
    } else if (status === 429) {
      this.#attempts += 1;
      const delay = registerDelay(this.#attempts, retryAfter, this.#random);
      this.#wait(delay, () => this.#send((line) => line.server.register(line, "")));
    } else {
      this.#hub = hub;
      this.#fresh();
      this.#leave();
      this.#next();
    }
  }

  lost(_code: ErrorCode): void {
    this.#failed("unreachable");
  }

  #next(): void {
    this.#atDps = this.#hub === undefined;
    this.#wait(this.#rules.timeout, () => this.lost("connect-timeout"));
    this.#line = new Line(this.#world, this.#hub ?? DPS_NAME, this);
  }

  #failed(failure: HubFailure): void {
    const { now } = this.#world;
    const { hubDelay, registerDelay, operation } = this.#rules;
    this.#leave();
    if (this.#since < 0) this.#since = this.#operationSince = now;
    if (now - this.#operationSince >= operation) {
      this.#operationSince = now;
      this.#attempts = 0;
    }
    this.#attempts += 1;
    let delay = this.#atDps
      ? registerDelay(this.#attempts, undefined, this.#random)
      : hubDelay(failure, this.#attempts, now - this.#since, this.#random);
    if (delay === undefined) {
      this.#hub = undefined;
      this.#fresh();
      delay = 0;
    }
    this.#wait(delay, () => this.#next());
  }

  #fresh(): void {
    this.#attempts = 0;
    this.#since = -1;
  }

  /** Says that it is there until its token ends soon. */
  #idle(renewal: number): void {
    const { now } = this.#world;
    const left = renewal - now;
    this.#wait(Math.min(left, KEEP_ALIVE), () => {
      if (this.#world.now >= renewal) {
        this.#leave();
        this.#next();
      } else {
        this.#line?.ping();
        this.#idle(renewal);
      }
    });
  }

  #send(work: (line: Line) => void): void {
    const line = this.#line as Line;
    this.#wait(this.#rules.timeout, () => this.lost("dps-timeout"));
    line.up(() => work(line));
  }

  #leave(): void {
    this.#world.time.clear(this.#timer);
    this.#line?.close();
    this.#line = undefined;
  }

  #wait(delay: number, work: () => void): void {
    const { time } = this.#world;
    time.clear(this.#timer);
    this.#timer = time.set(work, Math.ceil(delay));
  }
}
