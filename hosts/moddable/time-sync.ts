// SPDX-License-Identifier: MIT
/**
 * Sets the clock from the network and keeps it right: several servers in turn, a deadline for each, then a pause,
 * and again. It never gives up and never blocks: the agent waits for the clock and reports that it is missing.
 */
import { asBerthError, BerthError } from "../../src/error";
import type { Clock, TimerHandle, Timers } from "../../src/host";
import type { Resolve } from "../sockets/connect-to";
import type { TimeBounds } from "./clock";
import { NTP_PORT, ntpRequest, readNtpReply } from "./sntp";

/** An ECMA-419 UDP socket. A packet carries the sender as properties of its buffer. */
export interface UdpSocket {
  read(): (ArrayBuffer & { readonly address: string; readonly port: number }) | undefined;
  write(packet: Uint8Array, address: string, port: number): void;
  close(): void;
}

export type UdpClass = new (options: { readonly onReadable: (packets: number) => void }) => UdpSocket;

/** Durations are milliseconds. */
export interface TimeSyncOptions {
  readonly UDP: { readonly io: UdpClass };
  readonly resolve: Resolve;
  readonly timers: Timers;
  readonly clock: Clock;
  /** Names or IPv4 addresses, asked in turn; each may end in `:port`. */
  readonly servers: readonly string[];
  /** A time outside is not believed. */
  readonly bounds: TimeBounds;
  /** Eight random bytes. */
  readonly nonce: () => Uint8Array;
  readonly random: () => number;
  /** Sets the clock. @param seconds since 1970 */
  readonly set: (seconds: number) => void;
  readonly onTime?: (server: string, milliseconds: number) => void;
  /** Every server was asked in vain, and the clock is not set. */
  readonly onError?: (error: BerthError) => void;
  /** For a name and an answer, each server. Default 5,000. */
  readonly timeout?: number;
  /** Between two successes. Default 21,600,000 (6 h): a chip's clock drifts by seconds a day. */
  readonly refresh?: number;
}

const FIRST_PAUSE = 5_000;
const LONGEST_PAUSE = 300_000;

export class TimeSync {
  readonly #options: TimeSyncOptions;
  readonly #timeout: number;
  #socket: UdpSocket | undefined;
  #timer: TimerHandle | undefined;
  #running = false;
  /** Counts the questions, so that an answer of DNS that comes late is not taken for another's. */
  #question = 0;
  #server = 0;
  #rounds = 0;
  #nonce: Uint8Array = new Uint8Array(8);
  #address = "";
  #port = NTP_PORT;
  #asked = 0;
  #reason = "";

  /** @throws BerthError `invalid-argument` without a server */
  constructor(options: TimeSyncOptions) {
    if (options.servers.length === 0) throw new BerthError("invalid-argument", "no SNTP server");
    this.#options = options;
    this.#timeout = options.timeout ?? 5_000;
  }

  /** Starts, or asks again at once: the network is back. */
  start(): void {
    this.stop();
    this.#running = true;
    this.#server = this.#rounds = 0;
    this.#later(0, () => this.#ask());
  }

  /** Idempotent. */
  stop(): void {
    this.#running = false;
    this.#hangUp();
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  #ask(): void {
    const { servers, resolve, UDP } = this.#options;
    const entry = servers[this.#server] as string;
    const [name = "", port] = entry.split(":");
    this.#question += 1;
    const question = this.#question;
    this.#port = port === undefined ? NTP_PORT : Number(port);
    this.#later(this.#timeout, () => this.#next(`${entry}: no answer`));
    this.#socket = new UDP.io({ onReadable: (packets) => this.#guarded(() => this.#receive(packets)) });
    resolve(name, (_name, address) =>
      this.#guarded(() => {
        if (question !== this.#question || !this.#socket) return;
        if (address === undefined) this.#next(`${entry}: unknown name`);
        else this.#send(address);
      }),
    );
  }

  #send(address: string): void {
    this.#address = address;
    this.#nonce = this.#options.nonce();
    this.#asked = this.#options.clock.ticks();
    this.#socket?.write(ntpRequest(this.#nonce), address, this.#port);
  }

  #receive(packets: number): void {
    for (let i = 0; i < packets && this.#socket; i += 1) {
      const packet = this.#socket.read();
      if (!packet) return;
      // Anyone can send; what is not from the server is dropped and the deadline goes on.
      if (packet.address !== this.#address || packet.port !== this.#port) continue;
      const time = readNtpReply(new Uint8Array(packet), this.#nonce);
      if (time === "not ours") continue;
      if (typeof time === "string") this.#next(`${this.#entry}: ${time}`);
      else this.#take(time);
    }
  }

  #take(time: number): void {
    const { bounds, clock, set, onTime, refresh = 21_600_000, random } = this.#options;
    const now = time + (clock.ticks() - this.#asked) / 2;
    if (now < bounds.earliest || now > bounds.latest) {
      this.#next(`${this.#entry}: a time out of bounds`);
      return;
    }
    const server = this.#entry;
    this.#hangUp();
    set(Math.round(now / 1000));
    this.#rounds = 0;
    this.#later(refresh * (0.9 + 0.2 * random()), () => this.#ask());
    onTime?.(server, now);
  }

  get #entry(): string {
    return this.#options.servers[this.#server] ?? "";
  }

  /** The next server; after the last one a pause. */
  #next(reason: string): void {
    this.#hangUp();
    this.#reason = reason;
    this.#server = (this.#server + 1) % this.#options.servers.length;
    if (this.#server > 0) {
      this.#later(0, () => this.#ask());
      return;
    }
    const step = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#rounds, 10));
    this.#rounds += 1;
    this.#later(step * (0.5 + 0.5 * this.#options.random()), () => this.#ask());
    // A clock that was set goes on; the next round mends its drift.
    if (this.#options.clock.now() === undefined) {
      this.#options.onError?.(new BerthError("clock-not-set", this.#reason));
    }
  }

  #hangUp(): void {
    this.#question += 1;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #later(delay: number, work: () => void): void {
    const { timers } = this.#options;
    if (this.#timer !== undefined) timers.clear(this.#timer);
    this.#timer = timers.set(() => {
      this.#timer = undefined;
      this.#guarded(work);
    }, delay);
  }

  /** Native code and timers call this: nothing escapes, and the next server is asked. */
  #guarded(work: () => void): void {
    if (!this.#running) return;
    try {
      work();
    } catch (error) {
      this.#next(`${this.#entry}: ${asBerthError(error).message}`);
    }
  }
}
