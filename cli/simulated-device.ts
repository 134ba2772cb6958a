// SPDX-License-Identifier: MIT
import type { ConnectTo } from "../hosts/sockets/connect-to";
import { DPS_HOST } from "../src/azure/dps";
import type { DeviceEngine } from "./device-engine";
import { type DeviceRunResult, runDevice } from "./device-run";
import type { Output } from "./output";
import type { FleetMember } from "./simulated-fleet";
import { type TappedPacket, Timeline, type Traffic, timelineRow, timelineStyle } from "./timeline";

/** A device of the simulation and the emulator that it finds. */
export interface SimulatedDeviceOptions extends FleetMember {
  readonly engine: DeviceEngine;
  readonly idScope: string;
  readonly port: number;
  /** For WebSocket. */
  readonly httpsPort: number;
  readonly transports?: readonly string[] | undefined;
  readonly roots: readonly string[];
  readonly hubs: readonly string[];
  readonly stateDirectory: string;
  /** In front of each of its lines. */
  readonly label: string;
  readonly output: Output;
}

/** What one life is to be. */
export interface DeviceLife {
  telemetry: number;
  timeout: number;
  eager: boolean;
  receiveLimit: number;
  /** What times count from, by `performance.now`. */
  start: number;
  signal: AbortSignal;
  /** Goes on after the last message, until `signal`. */
  stay?: boolean;
  /** Milliseconds between messages; none by default. */
  interval?: number;
}

/** What a device that stays answers to the page's first direct method; only Node's engine takes methods. */
const METHODS = { blink: { status: 200, payload: { done: true } } };

/** One device with a store that outlives its restarts. */
export class SimulatedDevice {
  readonly #options: SimulatedDeviceOptions;

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options;
  }

  /** Boots, does its work, ends; all memory but the store is new each time. */
  async live(life: DeviceLife): Promise<DeviceRunResult & { traffic: Traffic }> {
    const { engine, registrationId, idScope, port, httpsPort, hubs, label, output } = this.#options;
    // Names and ports as in Azure, all of them at the emulator's address.
    const connectTo = [443, undefined].map(
      (of): ConnectTo => ({ host: "", port: of, address: "127.0.0.1", toPort: of ? httpsPort : port }),
    );
    const peers = Math.max(3, ...hubs.map((hub) => hub.length));
    const onPacket = (packet: TappedPacket) => {
      const peer = (packet.peer === DPS_HOST ? "DPS" : packet.peer).padEnd(peers);
      output.passing(
        { event: "packet", device: registrationId, ...packet },
        timelineRow(packet, label, peer),
        timelineStyle(packet),
      );
    };
    const timeline = new Timeline(onPacket, undefined, life.start);
    const result = await runDevice({
      engine,
      device: { ...this.#options, connectTo },
      timeline,
      identity: {
        idScope,
        registrationId,
        attestation: this.#options.symmetricKey === undefined ? "x509" : "symmetricKey",
      },
      endpoint: DPS_HOST,
      port: 8883,
      hubPort: 8883,
      interval: 0,
      ...life,
      ...(life.stay && engine.name === "node" ? { methods: METHODS } : {}),
      onEvent: (event, line) => {
        const text =
          line === "" || event.event === "acknowledged" ? undefined : `${" ".repeat(12)}${label}· ${line}`;
        output.passing({ ...event, device: registrationId }, text);
      },
    });
    return { ...result, traffic: timeline.traffic };
  }
}
