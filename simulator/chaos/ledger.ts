// SPDX-License-Identifier: MIT
/** The books of one device's telemetry: what was accepted, what a hub has, and what became of the rest. */

/** The messages of one life between two losses of power; numbered from 1. */
class Volume {
  accepted = 0;
  acknowledged = 0;
  dropped = 0;
  /** The newest number that a hub has, and the older ones that none has. */
  #newest = 0;
  readonly #missing = new Set<number>();
  #lastHub = "";

  get received(): number {
    return this.#newest - this.#missing.size;
  }

  /** @returns what is wrong */
  receive(number: number, hub: string): string | undefined {
    if (number > this.accepted) return `telemetry ${number} was never sent`;
    if (number > this.#newest) {
      for (let n = this.#newest + 1; n < number; n += 1) this.#missing.add(n);
      this.#newest = number;
      this.#lastHub = hub;
    } else if (this.#missing.delete(number) && hub === this.#lastHub) {
      return `telemetry ${number} comes after ${this.#newest}`;
    }
    return undefined;
  }
}

export class Ledger {
  #volume = new Volume();
  readonly #earlier: Volume[] = [];
  /** Over all lives. */
  accepted = 0;
  acknowledged = 0;
  dropped = 0;
  /** Held when power went, or when the device was closed. */
  lost = 0;
  received = 0;

  /** Numbers the next message. */
  get next(): number {
    return this.#volume.accepted + 1;
  }

  get life(): number {
    return this.#earlier.length;
  }

  accept(): void {
    this.#volume.accepted += 1;
    this.accepted += 1;
  }

  /** @returns what is wrong */
  acknowledge(): string | undefined {
    this.#volume.acknowledged += 1;
    this.acknowledged += 1;
    const { acknowledged, received } = this.#volume;
    return acknowledged > received ? `${acknowledged} acknowledged, the hub has ${received}` : undefined;
  }

  drop(count: number): void {
    this.#volume.dropped += count;
    this.dropped += count;
  }

  /** A hub has it. @returns what is wrong */
  receive(life: number, number: number, hub: string): string | undefined {
    const volume = life === this.life ? this.#volume : this.#earlier[life];
    const before = volume?.received ?? 0;
    const wrong = volume ? volume.receive(number, hub) : `telemetry of life ${life}`;
    this.received += (volume?.received ?? 0) - before;
    return wrong;
  }

  /** Accepted, and neither acknowledged nor reported as dropped. */
  get open(): number {
    const { accepted, acknowledged, dropped } = this.#volume;
    return accepted - acknowledged - dropped;
  }

  /** Accepted, and no hub has it, nor was it reported as dropped; below 0 where what was dropped had come through. */
  get owed(): number {
    const { accepted, received, dropped } = this.#volume;
    return accepted - received - dropped;
  }

  /** This life is over. @param held by the device at its end @returns what is wrong */
  end(held: number): string | undefined {
    const { owed } = this;
    this.lost += held;
    this.#earlier.push(this.#volume);
    this.#volume = new Volume();
    return owed > held ? `${owed} messages are at no hub, and the device held ${held}` : undefined;
  }
}
