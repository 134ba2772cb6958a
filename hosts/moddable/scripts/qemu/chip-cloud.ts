// SPDX-License-Identifier: MIT
/** What an emulated chip needs on this computer: Azure, the time, and who the chip is there. */
import { randomBytes, X509Certificate } from "node:crypto";
import { performance } from "node:perf_hooks";
import { Timeline, type TappedPacket, timelineRow } from "../../../../cli/timeline";
import type { CustomAllocation } from "../../../../emulator/configuration";
import { DPS_HOST } from "../../../../emulator/certificate-authority";
import { Emulator } from "../../../../emulator/emulator";
import { HOST_ADDRESS } from "./qemu";
import { startSntpServer } from "./sntp-server";

const HUBS = ["hub-1.example", "hub-2.example"] as const;
export const REGISTRATION_ID = "emulated-chip";

export interface CloudOptions {
  /** A row for people. */
  readonly print: (row: string) => void;
  /** Of the server that the chip asks for the time, milliseconds since 1970. */
  readonly time?: () => number;
  /** Each registration names the other hub. */
  readonly alternate?: boolean;
}

/** The cloud of one chip. */
export class ChipCloud {
  readonly emulator: Emulator;
  /** For `berth-id`. */
  readonly identity: Readonly<Record<string, string | Uint8Array>>;
  /** For `berth`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Messages of the chip that a hub has acknowledged. */
  acknowledged = 0;
  /** Called after each. */
  onAcknowledged: (() => void) | undefined;
  readonly #began = performance.now();
  readonly #print: (row: string) => void;
  readonly #stop: () => Promise<unknown>;

  private constructor(
    emulator: Emulator,
    symmetricKey: string,
    sntpPort: number,
    print: (row: string) => void,
    stop: () => Promise<unknown>,
  ) {
    this.emulator = emulator;
    this.#print = print;
    this.#stop = stop;
    this.identity = {
      idScope: emulator.idScope,
      registrationId: REGISTRATION_ID,
      symmetricKey,
      root: new X509Certificate(emulator.ca.pem).raw,
    };
    this.settings = {
      connectTo: `:${HOST_ADDRESS}:${emulator.port}`,
      sntp: `${HOST_ADDRESS}:${sntpPort}`,
    };
    this.#watch();
  }

  /** @throws the socket's error */
  static async start({ print, time, alternate = false }: CloudOptions): Promise<ChipCloud> {
    // 32 bytes, which a KEY block of eFuse can hold.
    const primaryKey = randomBytes(32).toString("base64");
    const emulator = await Emulator.start({
      configuration: {
        idScope: "0ne00000000",
        iotHubs: HUBS.map((name) => ({ name })),
        enrollments: [
          {
            registrationId: REGISTRATION_ID,
            attestation: { type: "symmetricKey", symmetricKey: { primaryKey } },
            ...(alternate && { allocationPolicy: "custom" }),
          },
        ],
        enrollmentGroups: [],
      },
      // What is polled for takes a second or three that no cut is interested in.
      ...(alternate && { customAllocation: OTHER_HUB, dps: { immediate: true } }),
    });
    const sntp = await startSntpServer(time);
    return new ChipCloud(emulator, primaryKey, sntp.port, print, () =>
      Promise.all([emulator.stop(), sntp.stop()]),
    );
  }

  /** A line of the serial port as a row of the timeline. */
  serial(line: string): void {
    if (line !== "") this.#print(`${this.#now}  ${line}`);
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  get #now(): string {
    return `${((performance.now() - this.#began) / 1000).toFixed(3)} s`.padStart(10);
  }

  #watch(): void {
    const { events } = this.emulator;
    // By connection: until a CONNECT was understood nobody knows whose it is.
    const peers = new Map<string, string>();
    const unnamed = new Map<string, TappedPacket[]>();
    const taps = new Map<string, ReturnType<Timeline["connection"]>>();
    const timeline = new Timeline((packet) => {
      const peer = peers.get(packet.peer);
      if (peer === undefined) unnamed.set(packet.peer, [...(unnamed.get(packet.peer) ?? []), packet]);
      else this.#packet(packet, peer);
    });
    const name = (connection: string, endpoint: string) => {
      if (peers.has(connection)) return;
      peers.set(connection, endpoint === "dps" ? DPS_HOST : endpoint);
      for (const packet of unnamed.get(connection) ?? []) this.#packet(packet, peers.get(connection) ?? "");
      unnamed.delete(connection);
    };
    events.on("packet", ({ connection: number, direction, endpoint, bytes }) => {
      const connection = String(number);
      if (endpoint !== undefined) name(connection, endpoint);
      const tap = taps.get(connection) ?? timeline.connection(connection);
      taps.set(connection, tap);
      if (direction === "received") tap.sent(bytes);
      else tap.received(bytes);
    });
    events.on("refuse", ({ connection, endpoint = "?", reason }) => {
      name(String(connection), endpoint);
      this.#print(`${this.#now}  ${endpoint} refuses: ${reason}`);
    });
    events.on("disconnect", ({ connection }) => {
      for (const map of [taps, peers, unnamed]) map.delete(String(connection));
    });
    events.on("stranger", ({ reason }) => this.#print(`${this.#now}  not served: ${reason}`));
  }

  #packet(packet: TappedPacket, peer: string): void {
    this.#print(timelineRow(packet, "", peer));
    if (packet.type !== "PUBACK" || packet.direction !== "received" || peer === DPS_HOST) return;
    this.acknowledged += 1;
    this.onAcknowledged?.();
  }
}

const OTHER_HUB: CustomAllocation = ({ deviceRuntimeContext: { currentIotHubHostName } }) => ({
  iotHubHostName: currentIotHubHostName === HUBS[0] ? HUBS[1] : HUBS[0],
});
