// SPDX-License-Identifier: MIT
/** DPS and hubs as a fleet meets them: their quotas, and who is where. What a packet may hold is chaos's concern. */
import type { Line, LineServer, Place } from "./line";
import { Quota } from "./quota";
import { POLLS, type Quotas } from "./tiers";

export const DPS_NAME = "global.azure-devices-provisioning.net";
/** DPS wants so much time, seconds. */
const ASSIGNING = 3;
/** What is above a hub's quota waits in line, but no longer: it is refused. How long Azure's line is, is not documented. */
const BACKLOG = 10_000;

export class FleetDps implements LineServer {
  readonly #world: Place;
  readonly #quota: Quota;
  readonly isGone = false;
  /** Takes whoever comes: before the scenario's event. */
  isOpen = false;
  /** Ticks until which others use up what DPS takes, and what it then tells, seconds. */
  busyUntil = 0;
  busyAfter = 0;
  /** By device: how often it has polled in the ten seconds from then on. */
  readonly #pollsSince: Float64Array;
  readonly #polls: Uint8Array;

  constructor(world: Place, { registrations }: Quotas) {
    this.#world = world;
    this.#quota = new Quota(registrations, 60_000);
    this.#pollsSince = new Float64Array(world.size).fill(Number.NEGATIVE_INFINITY);
    this.#polls = new Uint8Array(world.size);
  }

  connect(line: Line): void {
    line.acceptedAt = this.#world.now;
    line.down((client) => client.connack(0));
  }

  subscribe(line: Line, id: number): void {
    line.down((client) => client.suback(id));
  }

  register(line: Line, requestId: string): void {
    const { now, recorder } = this.#world;
    const wait = now < this.busyUntil ? this.busyAfter * 1000 : this.isOpen ? 0 : this.#quota.take(now);
    recorder.count(wait > 0 ? "throttled" : "registrations", now);
    line.down((client) =>
      wait > 0
        ? client.answer(requestId, { status: 429, retryAfter: Math.ceil(wait / 1000) })
        : client.answer(requestId, { status: 202, retryAfter: ASSIGNING }),
    );
  }

  poll(line: Line, requestId: string): void {
    const { now, recorder } = this.#world;
    const { index } = line.client;
    recorder.count("polls", now);
    if (now - (this.#pollsSince[index] as number) >= POLLS.window) {
      this.#pollsSince[index] = now;
      this.#polls[index] = 0;
    }
    this.#polls[index] = (this.#polls[index] as number) + 1;
    if ((this.#polls[index] as number) > POLLS.limit) recorder.fault(`device ${index}: over 5 polls in 10 s`);
    const { hub } = this.#world.assign(index);
    line.down((client) => client.answer(requestId, { status: 200, hub }));
  }

  publish(line: Line): void {
    this.#world.recorder.fault(`device ${line.client.index}: PUBLISH to DPS that is no request`);
  }

  closed(): void {
    // Its operations stay.
  }
}

export class FleetHub implements LineServer {
  readonly host: string;
  readonly #world: Place;
  readonly #connections: Quota;
  readonly #messages: Quota;
  /** Takes whoever comes: before the scenario's event. */
  isOpen = false;
  isGone = false;
  readonly #lines = new Set<Line>();

  constructor(world: Place, host: string, { hub }: Quotas) {
    this.host = host;
    this.#world = world;
    this.#connections = new Quota(hub, 1_000);
    this.#messages = new Quota(hub, 1_000);
  }

  connect(line: Line): void {
    const world = this.#world;
    const { now, recorder } = world;
    const { index } = line.client;
    if (!world.knows(this.host, index)) {
      recorder.count("unknown", now);
      this.#refuse(line, 5);
    } else if (this.isOpen) this.#accept(line);
    else if (this.#connections.wait(now) > BACKLOG) {
      recorder.count("refused", now);
      this.#refuse(line, 3);
    } else {
      world.time.set(() => {
        if (line.held && !this.isGone) this.#accept(line);
      }, this.#connections.queue(now));
    }
  }

  subscribe(line: Line, id: number): void {
    line.down((client) => client.suback(id));
  }

  register(line: Line): void {
    this.#world.recorder.fault(`device ${line.client.index}: a registration at a hub`);
  }

  poll(line: Line): void {
    this.register(line);
  }

  publish(line: Line, id: number): void {
    const { now, recorder } = this.#world;
    if (!this.#lines.has(line)) return;
    if (!this.isOpen && this.#messages.wait(now) > BACKLOG) {
      line.end();
      return;
    }
    recorder.count("messages", now);
    line.down((client) => client.puback(id), this.isOpen ? 0 : this.#messages.queue(now));
  }

  closed(line: Line): void {
    const { now, recorder, tokenLifetime } = this.#world;
    if (!this.#lines.delete(line)) return;
    recorder.left(now);
    if (now - line.acceptedAt > tokenLifetime) {
      recorder.fault(`device ${line.client.index}: a connection that outlived its token`);
    }
  }

  /** Every connection ends. */
  dropAll(): void {
    for (const line of [...this.#lines]) line.end();
  }

  #accept(line: Line): void {
    const { now, recorder } = this.#world;
    line.acceptedAt = now;
    this.#lines.add(line);
    recorder.came(line.client.index, now);
    line.down((client) => client.connack(0));
  }

  #refuse(line: Line, code: number): void {
    line.down((client) => {
      client.connack(code);
      if (line.held) client.lost("connection-lost");
    });
  }
}
