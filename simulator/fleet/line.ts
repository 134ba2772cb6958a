// SPDX-License-Identifier: MIT
/** One connection between a device and a server of the fleet's world: packets that arrive later, in order. */
import type { ErrorCode } from "../../src/error";
import type { VirtualTime } from "../virtual-time";
import type { Recorder } from "./figures";

/** What DPS answers. */
export interface DpsAnswer {
  readonly status: 200 | 202 | 429;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly hub?: string;
}

/** The device's end. */
export interface LineClient {
  readonly index: number;
  /** Milliseconds one way. */
  readonly latency: number;
  opened(): void;
  connack(code: number): void;
  suback(id: number): void;
  puback(id: number): void;
  pingresp(): void;
  answer(requestId: string, answer: DpsAnswer): void;
  lost(code: ErrorCode): void;
}

/** A server's end. */
export interface LineServer {
  /** Nobody answers a new connection. */
  readonly isGone: boolean;
  connect(line: Line): void;
  subscribe(line: Line, id: number): void;
  register(line: Line, requestId: string): void;
  poll(line: Line, requestId: string): void;
  publish(line: Line, id: number): void;
  closed(line: Line): void;
}

/** What connections and servers know of the world that they are in. */
export interface Place {
  readonly time: VirtualTime;
  readonly now: number;
  readonly recorder: Recorder;
  /** Devices. */
  readonly size: number;
  /** Of SAS tokens, milliseconds. */
  readonly tokenLifetime: number;
  /** By its name. */
  server(host: string): LineServer;
  /** A hub knows the device. */
  knows(host: string, device: number): boolean;
  /** DPS puts it where it belongs. */
  assign(device: number): { readonly hub: string };
}

/** Name resolution, TCP and TLS: three ways there and back. */
const OPENING = 6;

export class Line {
  readonly world: Place;
  readonly client: LineClient;
  readonly server: LineServer;
  /** The device holds it, and it stands. */
  held = true;
  /** The server has accepted CONNECT; for hubs, ticks. */
  acceptedAt = -1;

  constructor(world: Place, host: string, client: LineClient) {
    this.world = world;
    this.client = client;
    this.server = world.server(host);
    world.time.set(() => {
      if (!this.held || this.server.isGone) return;
      world.recorder.count("handshakes", world.now);
      client.opened();
    }, OPENING * client.latency);
  }

  // From the device.

  up(work: (server: LineServer) => void): void {
    this.world.time.set(() => {
      if (!this.server.isGone) work(this.server);
    }, this.client.latency);
  }

  /** No server has a decision to make. */
  ping(): void {
    this.world.time.set(() => {
      if (this.held && this.acceptedAt >= 0) this.client.pingresp();
    }, 2 * this.client.latency);
  }

  close(): void {
    if (!this.held) return;
    this.held = false;
    this.up((server) => server.closed(this));
  }

  // From the server.

  /** @param wait milliseconds before it leaves */
  down(work: (client: LineClient) => void, wait = 0): void {
    this.world.time.set(() => {
      if (this.held) work(this.client);
    }, this.client.latency + wait);
  }

  /** The server ends it. */
  end(): void {
    this.server.closed(this);
    this.down((client) => {
      this.held = false;
      client.lost("connection-lost");
    });
  }
}
