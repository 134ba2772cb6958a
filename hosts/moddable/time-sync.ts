// SPDX-License-Identifier: MIT
/**
 * Sets the clock from the network and keeps it right: several servers in turn, a deadline for each, then a pause,
 * and again. It never gives up and never blocks: the agent waits for the clock and reports that it is missing.
 *
 * Anyone may answer for a server. So a clock is set for the first time, put far, or put right after it was in doubt,
 * by two servers that agree; by one only where no other has answered for rounds, or is configured.
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
/** A clock that is this near to an answer is put right without a second one. */
const NEAR = 60_000;
/** Two answers that differ by less agree: half of the way is not known, up to half of the timeout. */
const AGREEMENT = 10_000;
/** Answers that wait for one that agrees; beyond that the oldest is forgotten. */
const MOST_ANSWERS = 8;
/** Rounds in which but one server has answered, the same, until it is believed alone. */
const ROUNDS_ALONE = 3;
/** Between two doubts: a device that the hub refuses for years must not ask all the time. */
const DOUBT_EVERY = 600_000;
/** How long an address that said DENY or RSTR is left alone, and one that said RATE: twice as long each time. */
const AWAY = 86_400_000;
const FIRST_REST = 600_000;
/** Addresses that are left alone; beyond that the oldest is forgotten. */
const MOST_RESTING = 16;

/** An answer that was not enough. */
interface Answer {
  /** `address:port`. */
  readonly peer: string;
  /** The time less the ticks. */
  readonly offset: number;
}

interface Rest {
  readonly address: string;
  /** Ticks. */
  readonly until: number;
  readonly length: number;
}

export class TimeSync {
  readonly #options: TimeSyncOptions;
  readonly #timeout: number;
  #resting: readonly Rest[] = [];
  #socket: UdpSocket | undefined;
  #timer: TimerHandle | undefined;
  #running = false;
  /** Counts the questions, so that an answer of DNS that comes late is not taken for another's. */
  #question = 0;
  #server = 0;
  /** Of this round: how many servers were asked, and which have answered. */
  #askedServers = 0;
  #heard: readonly number[] = [];
  #answers: Answer[] = [];
  #rounds = 0;
  /** The one that was the only one to answer, and for how many rounds. */
  #alone: number | undefined;
  #roundsAlone = 0;
  #inDoubt = false;
  #doubted: number | undefined;
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
    this.#server = 0;
    this.#startOver();
    this.#begin();
  }

  /** Idempotent. */
  stop(): void {
    this.#running = false;
    this.#hangUp();
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  /**
   * The clock may be wrong: a certificate or a token has failed by its time. Asks at once, but not twice in ten minutes,
   * and two servers must agree even where they say what the clock says.
   */
  doubt(): void {
    const now = this.#options.clock.ticks();
    if (!this.#running || (this.#doubted !== undefined && now - this.#doubted < DOUBT_EVERY)) return;
    this.#doubted = now;
    this.#inDoubt = true;
    this.#hangUp();
    this.#startOver();
    this.#begin();
  }

  #startOver(): void {
    this.#rounds = this.#roundsAlone = 0;
    this.#answers = [];
  }

  /** A round: each server once. */
  #begin(): void {
    this.#askedServers = 0;
    this.#heard = [];
    this.#later(0, () => this.#ask());
  }

  #ask(): void {
    const { servers, resolve, UDP } = this.#options;
    const entry = servers[this.#server] as string;
    const [name = "", port] = entry.split(":");
    this.#question += 1;
    const question = this.#question;
    // Nobody is asked yet, so nobody can answer.
    this.#address = "";
    this.#port = port === undefined ? NTP_PORT : Number(port);
    this.#later(this.#timeout, () => this.#next(`${entry}: no answer`));
    this.#socket = new UDP.io({ onReadable: (packets) => this.#guarded(() => this.#receive(packets)) });
    resolve(name, (_name, address) =>
      this.#guarded(() => {
        if (question !== this.#question || !this.#socket) return;
        if (address === undefined) this.#next(`${entry}: unknown name`);
        else if (this.#isResting(address)) this.#next(`${entry}: asks to stay away`);
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
      if (typeof time === "number") {
        this.#take(time);
        continue;
      }
      if (time === "slow down" || time === "stay away") this.#leaveAlone(time === "stay away");
      this.#next(`${this.#entry}: ${time}`);
    }
  }

  #take(time: number): void {
    const { bounds, clock, servers } = this.#options;
    const ticks = clock.ticks();
    const now = time + (ticks - this.#asked) / 2;
    if (now < bounds.earliest || now > bounds.latest) {
      this.#next(`${this.#entry}: a time out of bounds`);
      return;
    }
    if (!this.#heard.includes(this.#server)) this.#heard = [...this.#heard, this.#server];
    const answer = { peer: `${this.#address}:${this.#port}`, offset: now - ticks };
    const shown = clock.now();
    const near = !this.#inDoubt && shown !== undefined && Math.abs(shown - now) <= NEAR;
    const agreed = this.#answers.some(
      ({ peer, offset }) => peer !== answer.peer && Math.abs(offset - answer.offset) <= AGREEMENT,
    );
    const alone =
      this.#heard.length === 1 && this.#alone === this.#server && this.#roundsAlone >= ROUNDS_ALONE;
    if (near || agreed || alone || servers.length === 1) {
      this.#set(now);
      return;
    }
    this.#answers.push(answer);
    if (this.#answers.length > MOST_ANSWERS) this.#answers.shift();
    this.#next(`${this.#entry}: no other server tells its time`);
  }

  #set(now: number): void {
    const { set, onTime, refresh = 21_600_000, random, servers } = this.#options;
    const server = this.#entry;
    this.#hangUp();
    set(Math.round(now / 1000));
    this.#startOver();
    this.#inDoubt = false;
    // Another one has the next word: none leads the clock away step by step.
    this.#server = (this.#server + 1) % servers.length;
    this.#later(refresh * (0.9 + 0.2 * random()), () => this.#begin());
    onTime?.(server, now);
  }

  get #entry(): string {
    return this.#options.servers[this.#server] ?? "";
  }

  /** The next server; after the last one a pause. */
  #next(reason: string): void {
    this.#hangUp();
    this.#reason = reason;
    const { length } = this.#options.servers;
    this.#server = (this.#server + 1) % length;
    this.#askedServers += 1;
    if (this.#askedServers < length) {
      this.#later(0, () => this.#ask());
      return;
    }
    this.#count();
    const step = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#rounds, 10));
    this.#rounds += 1;
    this.#later(step * (0.5 + 0.5 * this.#options.random()), () => this.#begin());
    // A clock that was set goes on; the next round mends its drift.
    if (this.#options.clock.now() === undefined) {
      this.#options.onError?.(new BerthError("clock-not-set", this.#reason));
    }
  }

  /** The round is over: has but one server answered, again the same? */
  #count(): void {
    const [alone] = this.#heard.length === 1 ? this.#heard : [];
    if (alone === undefined || alone !== this.#alone) this.#roundsAlone = 0;
    if (alone !== undefined) this.#roundsAlone += 1;
    this.#alone = alone;
  }

  #isResting(address: string): boolean {
    const now = this.#options.clock.ticks();
    return this.#resting.some((rest) => rest.address === address && now < rest.until);
  }

  /** RFC 5905, section 7.4: what is asked for by DENY and RSTR, and by RATE. */
  #leaveAlone(away: boolean): void {
    const address = this.#address;
    const before = this.#resting.find((rest) => rest.address === address)?.length ?? FIRST_REST / 2;
    const length = away ? AWAY : Math.min(AWAY, before * 2);
    const others = this.#resting.filter((rest) => rest.address !== address);
    const rest = { address, until: this.#options.clock.ticks() + length, length };
    this.#resting = [...others, rest].slice(-MOST_RESTING);
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
