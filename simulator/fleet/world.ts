// SPDX-License-Identifier: MIT
/** A fleet, DPS and two hubs in virtual time. */
import { VirtualTime } from "../virtual-time";
import { Recorder } from "./figures";
import type { LineServer, Place } from "./line";
import { DPS_NAME, FleetDps, FleetHub } from "./servers";
import type { Quotas } from "./tiers";

export const ID_SCOPE = "0ne00000000";
export const HUBS = Object.freeze(["hub-a.azure-devices.net", "hub-b.azure-devices.net"] as const);

/** What a scenario does with a device, whatever its rules. */
export interface FleetDevice {
  /** It has this assignment in its flash. Before `boot`. */
  know(hub: string): void;
  /** Power comes. */
  boot(): void;
}

export interface WorldOptions {
  readonly seed: number;
  readonly devices: number;
  readonly quotas: Quotas;
  /** Of SAS tokens, milliseconds. */
  readonly tokenLifetime: number;
}

export class FleetWorld implements Place {
  readonly time = new VirtualTime();
  readonly recorder: Recorder;
  readonly seed: number;
  readonly size: number;
  readonly tokenLifetime: number;
  readonly dps: FleetDps;
  readonly hubs: readonly [FleetHub, FleetHub];
  /** Where DPS puts devices: which of the hubs. */
  target: 0 | 1 = 0;
  /** By device, the hub that knows it, and one. */
  readonly #at: Uint8Array;

  constructor({ seed, devices, quotas, tokenLifetime }: WorldOptions) {
    this.seed = seed;
    this.size = devices;
    this.tokenLifetime = tokenLifetime;
    this.recorder = new Recorder(devices);
    this.dps = new FleetDps(this, quotas);
    this.hubs = [new FleetHub(this, HUBS[0], quotas), new FleetHub(this, HUBS[1], quotas)];
    this.#at = new Uint8Array(devices);
  }

  get now(): number {
    return this.time.ticks();
  }

  server(host: string): LineServer {
    const server = host === DPS_NAME ? this.dps : this.hubs.find((hub) => hub.host === host);
    if (!server) throw new Error(`no server ${host}`);
    return server;
  }

  knows(host: string, device: number): boolean {
    return HUBS[(this.#at[device] as number) - 1] === host;
  }

  /** No hub knows any of them until DPS has put it there. */
  moveAll(): void {
    this.#at.fill(0);
  }

  assign(device: number): { readonly hub: string } {
    this.#at[device] = this.target + 1;
    return { hub: HUBS[this.target] };
  }
}
