// SPDX-License-Identifier: MIT
/**
 * The network between one device and the servers of its world, in virtual time: a TLS byte stream with a delay, cut up
 * as it pleases, that stalls, breaks at a byte, or dies without a word to either side.
 */
import type { ErrorCode } from "../src/error";
import type { Transport, TransportBinding, TransportOptions } from "../src/host";
import type { Random } from "./random";
import type { VirtualTime } from "./virtual-time";

/** What a server does with one connection. */
export interface ServerEnd {
  bytes(bytes: Buffer): void;
  /** The connection is gone, and the server has noticed. */
  closed(): void;
}

/** Takes a connection. */
export type Server = (link: Link) => ServerEnd;

/** All servers of a world, by name in lower case. */
export type Servers = ReadonlyMap<string, Server>;

/** A network as it is now; what is changed counts at once. */
export interface Conditions {
  /** Milliseconds one way: the least, and how much may come on top. */
  latency: number;
  jitter: number;
  /** Bytes come cut up into pieces. */
  shredded: boolean;
  /** Nothing gets through either way until it is over, and nobody is told. */
  down: boolean;
  /** A new connection to a host ends in this. */
  refusal(host: string): ErrorCode | undefined;
}

/** How the network asks who is on its way. */
export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly servers: Servers;
  readonly random: Random;
  readonly conditions: Conditions;
  /** An error as the platform would give it. */
  readonly error: (code: ErrorCode, about: string) => unknown;
  /** Runs what the device is told, in its own guard. */
  readonly enter: (call: () => void) => void;
  /** The device has broken the contract of a transport. */
  readonly onFault: (what: string) => void;
  /** For traces. */
  readonly onEvent: (what: string, about: string) => void;
}

/** Bytes that the sending side takes before the other has any. */
const ROOM = 4_096;
/** What found no way is sent again after so many milliseconds. */
const RETRANSMIT = 2_000;

export class Network {
  readonly options: NetworkOptions;
  /** Connections whose device has not closed them. */
  readonly links = new Set<Link>();
  /** Of the connections to come: after so many bytes to the server, or to the device, each is reset. */
  cutUp = Number.POSITIVE_INFINITY;
  cutDown = Number.POSITIVE_INFINITY;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** For a device that lives until `alive` says that it does not. */
  binding(alive: () => boolean): TransportBinding {
    const network = this;
    return {
      io: class implements Transport {
        readonly #link: Link;

        constructor(options: TransportOptions) {
          this.#link = new Link(network, options, alive);
        }

        read(target: Uint8Array): number {
          return this.#link.read(target);
        }

        write(bytes: Uint8Array, start = 0, end = bytes.length): number {
          return this.#link.write(bytes, start, end);
        }

        close(): void {
          this.#link.close();
        }
      },
    };
  }

  /** The device is without power: servers learn of it, or never do. */
  drop(silently: boolean): void {
    for (const link of this.links) link.vanish(silently);
    this.links.clear();
  }
}

/** One way of a connection: what is sent arrives in order, later. */
class Pipe {
  readonly #link: Link;
  readonly #options: NetworkOptions;
  readonly #queue: { readonly at: number; readonly work: () => void }[] = [];
  #last = 0;
  #armed = false;
  readonly #ring = (): void => this.#run();

  constructor(link: Link, options: NetworkOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** @param least milliseconds that it takes at least */
  push(work: () => void, least = 0): void {
    const { conditions, random, time } = this.#options;
    const latency = Math.round(conditions.latency + random.next() * conditions.jitter);
    this.#last = Math.max(this.#last, time.ticks() + Math.max(latency, least));
    this.#queue.push({ at: this.#last, work });
    this.#arm();
  }

  clear(): void {
    this.#queue.length = 0;
  }

  #arm(): void {
    const first = this.#queue[0];
    if (this.#armed || !first) return;
    this.#armed = true;
    const { time } = this.#options;
    time.set(this.#ring, Math.max(0, Math.max(first.at, this.#link.stalledUntil) - time.ticks()));
  }

  #run(): void {
    this.#armed = false;
    const now = this.#options.time.ticks();
    // TCP sends it again when there is a way.
    if (this.#options.conditions.down)
      this.#link.stalledUntil = Math.max(this.#link.stalledUntil, now + RETRANSMIT);
    if (this.#link.stalledUntil <= now) {
      const first = this.#queue.shift();
      if (!this.#link.lost) first?.work();
    }
    this.#arm();
  }
}

/** One connection. */
export class Link {
  readonly host: string;
  /** Ticks when the device began to open it: a token that it shows was made by the clock of then. */
  readonly since: number;
  readonly #network: Network;
  readonly #device: TransportOptions;
  readonly #alive: () => boolean;
  readonly #up: Pipe;
  readonly #down: Pipe;
  #server: ServerEnd | undefined;
  /** The device holds it. */
  #held = true;
  /** It has ended: nothing moves any more. */
  #broken = false;
  readonly #received: Buffer[] = [];
  #offset = 0;
  #room = ROOM;
  /** The room that the device knows of. */
  #told = 0;
  /** Ticks before which nothing arrives. */
  stalledUntil = 0;
  /** Whatever is sent is lost, and nobody is told. */
  lost = false;
  cutUp: number;
  cutDown: number;

  constructor(network: Network, device: TransportOptions, alive: () => boolean) {
    const { options, links } = network;
    this.host = device.host;
    this.since = options.time.ticks();
    this.#network = network;
    this.#device = device;
    this.#alive = alive;
    this.#up = new Pipe(this, options);
    this.#down = new Pipe(this, options);
    this.cutUp = network.cutUp;
    this.cutDown = network.cutDown;
    network.cutUp = network.cutDown = Number.POSITIVE_INFINITY;
    links.add(this);
    if (links.size > 1) options.onFault(`${links.size} connections at a time`);
    options.onEvent("connect", device.host);
    this.#open();
  }

  /** The server and the device can still reach each other. */
  get open(): boolean {
    return this.#held && !this.#broken;
  }

  read(target: Uint8Array): number {
    this.#assertHeld("read");
    const first = this.#received[0];
    if (!first) return 0;
    const count = Math.min(first.length - this.#offset, target.length);
    target.set(first.subarray(this.#offset, this.#offset + count));
    this.#offset += count;
    if (this.#offset === first.length) {
      this.#received.shift();
      this.#offset = 0;
    }
    return count;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    this.#assertHeld("write");
    const size = end - start;
    if (size > this.#told) this.#network.options.onFault(`${size} bytes written, room for ${this.#told}`);
    if (this.#broken) return this.#told;
    this.#room -= size;
    this.#told = this.#room;
    this.#send(Buffer.from(bytes.subarray(start, end)));
    return this.#room;
  }

  close(): void {
    if (!this.#held || !this.#alive()) return;
    this.#held = false;
    this.#network.links.delete(this);
    this.#tellServer();
  }

  /** Power has gone on the device's side. @param silently the server does not learn of it */
  vanish(silently: boolean): void {
    this.#held = false;
    if (!silently) this.#tellServer();
  }

  /** To the device. @param delivered called once the device has all of it */
  send(bytes: Buffer, delivered?: () => void): void {
    const { random, conditions } = this.#network.options;
    const cut = bytes.length > this.cutDown;
    const part = cut ? bytes.subarray(0, this.cutDown) : bytes;
    this.cutDown -= part.length;
    for (let at = 0; at < part.length; ) {
      const size = conditions.shredded ? random.spread(1, 64) : part.length;
      const piece = part.subarray(at, at + size);
      at += size;
      const last = !cut && at >= part.length ? delivered : undefined;
      this.#down.push(() => this.#deliver(piece, last));
    }
    if (cut)
      this.#down.push(() => this.break("connection-lost", `reset after byte ${part.length} of a packet`));
  }

  /** The server ends it. */
  end(): void {
    this.#server = undefined;
    this.#down.push(() => this.break("connection-lost", "the server ends it"));
  }

  /** It ends now, and the device is told so. @param silently the server is not */
  break(code: ErrorCode, about: string, silently = false): void {
    if (this.#broken) return;
    this.#network.options.onEvent("break", `${code}: ${about}`);
    this.#up.clear();
    this.#down.clear();
    if (!silently) this.#tellServer();
    this.#broken = true;
    const error = this.#network.options.error(code, about);
    this.#enter(() => this.#device.onError(error));
  }

  /** Name, TCP and TLS: three ways there and back. */
  #open(): void {
    const { conditions, servers } = this.#network.options;
    const { host } = this.#device;
    const server = servers.get(host);
    const refusal = conditions.refusal(host) ?? (server ? undefined : "dns-failed");
    this.#up.push(
      () => {
        if (!this.#held) return;
        if (refusal !== undefined || !server) {
          this.break(refusal ?? "dns-failed", host);
          return;
        }
        this.#server = server(this);
        this.#told = ROOM;
        this.#enter(() => this.#device.onWritable(ROOM));
      },
      6 * (conditions.latency + conditions.jitter / 2),
    );
  }

  #send(bytes: Buffer): void {
    const cut = bytes.length > this.cutUp;
    const part = cut ? bytes.subarray(0, this.cutUp) : bytes;
    this.cutUp -= part.length;
    this.#up.push(() => {
      this.#room += bytes.length;
      this.#server?.bytes(part);
      if (cut) this.break("connection-lost", `reset after byte ${part.length} of a write`);
      // Only a device that was told of little room waits for more.
      else if (this.#told < ROOM / 4) {
        this.#told = this.#room;
        this.#enter(() => this.#device.onWritable(this.#room));
      } else this.#told = this.#room;
    });
  }

  #deliver(bytes: Buffer, delivered: (() => void) | undefined): void {
    if (this.open && this.#alive()) delivered?.();
    this.#received.push(bytes);
    this.#enter(() => this.#device.onReadable(bytes.length));
  }

  /** The server learns that it is over, behind what is on its way. */
  #tellServer(): void {
    if (this.#broken) return;
    this.#up.push(() => {
      const server = this.#server;
      this.#server = undefined;
      server?.closed();
    });
  }

  #enter(call: () => void): void {
    if (this.#held && this.#alive()) this.#network.options.enter(call);
  }

  #assertHeld(what: string): void {
    if (this.#held) return;
    this.#network.options.onFault(`${what} after close`);
    throw new Error(`${what} after close`);
  }
}
