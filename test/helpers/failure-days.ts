// SPDX-License-Identifier: MIT
/** A firmware's device with its watchdog, in virtual time, for days: what it asks of the services, and what it writes. */
import { FirmwareApp } from "../../firmware/app";
import { readSettings } from "../../firmware/settings";
import { assigningDps, hub, isRegistration } from "../../simulator/services";
import { VirtualAzure } from "../../simulator/virtual-azure";
import { MemoryStore, nodeText, VirtualTime, virtualHost } from "../../simulator/virtual-host";
import { AssignmentStore } from "../../src/storage/assignment-store";
import { DPS, HUB, IDENTITY } from "./agent-world";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A generator of 32 bits; repeats for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Counts what would wear the flash out. */
export class CountingStore extends MemoryStore {
  /** Writes and deletions by key; the slots of the assignment are one. */
  readonly changes = new Map<string, number>();

  override write(key: string, value: Uint8Array): void {
    this.#count(key);
    super.write(key, value);
  }

  override delete(key: string): void {
    this.#count(key);
    super.delete(key);
  }

  changed(...keys: readonly string[]): number {
    return keys.reduce((sum, key) => sum + (this.changes.get(key) ?? 0), 0);
  }

  #count(key: string): void {
    const name = key.replace(/\d$/, "");
    this.changes.set(name, (this.changes.get(name) ?? 0) + 1);
  }
}

export interface FailureOptions {
  readonly seed: number;
  /** The device has an assignment. */
  readonly known: boolean;
  readonly settings?: Record<string, unknown>;
  /** Makes the failure. */
  readonly fail: (run: FailureRun) => void;
}

export class FailureRun {
  readonly time = new VirtualTime();
  readonly azure = new VirtualAzure(this.time);
  readonly store = new CountingStore();
  restarts = 0;
  networkIsUp = true;
  /** Ticks of each `connected`. */
  readonly connected: number[] = [];
  readonly #options: FailureOptions;
  readonly #random: () => number;
  #device: FirmwareApp | undefined;

  constructor(options: FailureOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    if (options.known) {
      const assignment = { ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 0 };
      new AssignmentStore(this.store, nodeText).write(assignment);
      this.store.changes.clear();
    }
    this.heal();
    options.fail(this);
    this.#boot();
  }

  get registrations(): number {
    return this.azure.connections
      .flatMap(({ packets }) => packets)
      .filter((packet) => packet.cmd === "publish" && isRegistration(packet.topic)).length;
  }

  get connections(): number {
    return this.azure.connections.length;
  }

  /** Both services work, and the way to them. */
  heal(hubName = HUB): void {
    this.azure.refuse = undefined;
    this.networkIsUp = true;
    this.azure.servers.set(DPS, assigningDps(hubName));
    this.azure.servers.set(hubName, hub());
  }

  /** @returns milliseconds from now until the device is at a hub; at most `limit` */
  untilConnected(limit: number): number {
    const from = this.time.ticks();
    const before = this.connected.length;
    while (this.connected.length === before && this.time.ticks() - from < limit) this.time.advance(1000);
    return this.connected.length === before ? Number.POSITIVE_INFINITY : this.time.ticks() - from;
  }

  /** Nothing is told to the device, and nothing kept. */
  powerCut(): void {
    const { store } = this;
    const { write, delete: remove } = store;
    store.write = () => {};
    store.delete = () => {};
    this.#device?.stop();
    store.write = write;
    store.delete = remove;
    this.#boot();
  }

  end(): void {
    this.#device?.stop();
  }

  #boot(): void {
    const { settings = {} } = this.#options;
    const config = { startSpread: 0, ...settings };
    const host = virtualHost(this.azure.binding(), {
      clock: this.time,
      store: this.store,
      random: this.#random,
      network: { isUp: () => this.networkIsUp },
    });
    const device = new FirmwareApp(
      {
        host,
        settings: readSettings({ preference: () => undefined, config }).settings,
        restartReason: undefined,
        led: undefined,
        measure: () => ({}),
        log: (line) => {
          if (line.startsWith("connected to")) this.connected.push(this.time.ticks());
        },
        restart: () => {
          this.restarts += 1;
          this.time.set(() => this.#boot(), 3_000);
        },
        finish: undefined,
      },
      { identity: IDENTITY },
    );
    this.#device = device;
    device.start();
  }
}
