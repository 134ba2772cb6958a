// SPDX-License-Identifier: MIT
/**
 * The outbox in flash as a queue of messages: each is in flash before `add` returns, and stays there until the hub has
 * it. In memory are those on their way and the one that is next.
 *
 * Where flash takes nothing (it fails, or has had its erases of the day) and before the device starts, messages wait in
 * memory behind those in flash, and are put there as soon as it takes them: it is one queue in any case.
 */
import {
  type MessageOwner,
  type MessageQueue,
  NO_BAG,
  Outbox,
  type OutboxOptions,
  TelemetryMessage,
} from "../agent/outbox";
import { Alarm } from "../alarm";
import { asBerthError, BerthError, type ErrorCode } from "../error";
import type { Host } from "../host";
import { NO_BYTES } from "../mqtt/packets";
import type { Place, SectorLog } from "./log";

/** A message that is in flash. */
class LoggedMessage extends TelemetryMessage implements Place {
  slot = 0;
  sequence = 0;
  offset = 0;
}

export class FlashQueue implements MessageQueue {
  readonly #owner: MessageOwner;
  readonly #text: Host["text"];
  readonly #dropsOldest: boolean;
  readonly #openLog: (report: (error: BerthError) => void) => SectorLog;
  readonly #report: (error: BerthError) => void;
  readonly #alarm: Alarm;
  /** What waits in memory. */
  readonly #memory: Outbox;
  /** Undefined before the start, and where it could not be opened. */
  #log: SectorLog | undefined;
  #started = false;
  oldest: TelemetryMessage | undefined = undefined;
  /** Messages from `oldest` on. */
  #loaded = 0;
  #free: LoggedMessage | undefined;
  /** Length of the property bag that was refused last. */
  #refusedBag = 0;
  /** Messages that nobody was told of. */
  #dropped = 0;
  /** Not yet told. */
  #problems: BerthError[] = [];
  /** What was told since a message was last written: once. */
  #told: readonly ErrorCode[] = [];

  /** @throws BerthError `invalid-argument` as `Outbox` */
  constructor(
    owner: MessageOwner,
    options: OutboxOptions,
    host: Pick<Host, "text" | "timers">,
    openLog: (report: (error: BerthError) => void) => SectorLog,
    report: (error: BerthError) => void,
  ) {
    this.#owner = owner;
    this.#text = host.text;
    this.#dropsOldest = options.whenFull === "drop-oldest";
    this.#memory = new Outbox(owner, options);
    this.#openLog = openLog;
    this.#report = report;
    this.#alarm = new Alarm(host.timers, report);
  }

  get count(): number {
    return this.#loaded + (this.#log?.unread ?? 0) + this.#memory.count;
  }

  start(): number {
    this.#started = true;
    try {
      this.#log ??= this.#openLog((error) => this.#tell(error));
    } catch (error) {
      this.#tell(asBerthError(error, "outbox-unwritten"));
    }
    this.#settle();
    this.#load();
    return this.#takeDropped();
  }

  hasRoom(bytes: number): boolean {
    return this.#log && this.#memory.count === 0
      ? this.#log.hasRoom(this.#refusedBag, bytes)
      : this.#memory.hasRoom(bytes);
  }

  add(payload: Uint8Array, bag = NO_BAG): number {
    this.#settle();
    if (this.#memory.count > 0 || !this.#write(payload, bag)) this.#dropped += this.#memory.add(payload, bag);
    this.#load();
    return this.#takeDropped();
  }

  shift(): void {
    const message = this.oldest;
    if (!message) return;
    this.oldest = message.next;
    message.next = undefined;
    this.#loaded -= 1;
    this.#load();
  }

  restore(message: TelemetryMessage): void {
    message.next = this.oldest;
    this.oldest = message;
    this.#loaded += 1;
  }

  release(message: TelemetryMessage): void {
    if (!(message instanceof LoggedMessage)) {
      this.#memory.release(message);
      return;
    }
    this.#log?.done(message);
    this.#reuse(message);
  }

  clear(): void {
    while (this.oldest) this.#dropFirst();
    this.#memory.clear();
    try {
      this.#log?.clear();
    } catch (error) {
      this.#tell(asBerthError(error, "outbox-unwritten"));
    }
  }

  /**
   * @returns false where flash takes nothing
   * @throws BerthError `outbox-full`, `packet-too-large`
   */
  #write(payload: Uint8Array, bag: string): boolean {
    const log = this.#log;
    if (!log) return false;
    if (bag.length + payload.length > log.largest) {
      throw new BerthError(
        "packet-too-large",
        `payload and properties over ${log.largest} bytes of a sector`,
      );
    }
    if (!log.hasRoom(bag.length, payload.length)) {
      if (!this.#dropsOldest) {
        this.#refusedBag = bag.length;
        throw new BerthError("outbox-full", `${this.count} messages waiting in flash`);
      }
      this.#dropSector(log);
    }
    const isNext = this.#loaded === 0 && log.unread === 0;
    let place: Place;
    try {
      place = log.add(bag.length, payload.length, (body) => {
        // A property bag is ASCII.
        this.#text.encodeInto(bag, body, 0);
        body.set(payload, bag.length);
      });
    } catch (error) {
      this.#tell(asBerthError(error, "outbox-unwritten"));
      return false;
    }
    this.#told = [];
    if (isNext) {
      log.skip();
      this.#append(place, payload, bag);
    }
    return true;
  }

  /** Puts what waits in memory into flash. */
  #settle(): void {
    for (let message = this.#memory.oldest; message; message = this.#memory.oldest) {
      try {
        if (!this.#write(message.payload, message.bag)) return;
      } catch {
        // Full, or it never fits: it stays where it is.
        return;
      }
      this.#memory.shift();
      this.#memory.release(message);
    }
  }

  /** Makes the next message the oldest one. */
  #load(): void {
    if (this.oldest || !this.#started) return;
    try {
      const read = this.#log?.read();
      if (read) {
        this.#append(read, read.payload, this.#text.decode(read.bag));
        return;
      }
    } catch (error) {
      this.#tell(asBerthError(error, "outbox-unwritten"));
      if ((this.#log?.unread ?? 0) > 0) return;
    }
    const message = this.#memory.oldest;
    if (!message) return;
    this.#memory.shift();
    this.restore(message);
  }

  /** Nothing else is loaded. */
  #append({ slot, sequence, offset }: Place, payload: Uint8Array, bag: string): void {
    const message = this.#free ?? new LoggedMessage(this.#owner);
    this.#free = message.next as LoggedMessage | undefined;
    message.slot = slot;
    message.sequence = sequence;
    message.offset = offset;
    message.payload = payload;
    message.bag = bag;
    message.next = undefined;
    this.restore(message);
  }

  /** Drops what waits in the oldest sector, but not what is on its way. */
  #dropSector(log: SectorLog): void {
    const { sequence, unread } = log.drop();
    this.#dropped += unread;
    while (this.oldest instanceof LoggedMessage && this.oldest.sequence === sequence) {
      this.#dropFirst();
      this.#dropped += 1;
    }
  }

  #takeDropped(): number {
    const count = this.#dropped;
    this.#dropped = 0;
    return count;
  }

  #dropFirst(): void {
    const message = this.oldest as TelemetryMessage;
    this.oldest = message.next;
    this.#loaded -= 1;
    if (message instanceof LoggedMessage) this.#reuse(message);
    else this.#memory.release(message);
  }

  #reuse(message: LoggedMessage): void {
    message.topic = message.payload = NO_BYTES;
    message.bag = NO_BAG;
    message.next = this.#free;
    this.#free = message;
  }

  /** A moment later: no callback comes from inside `send`. */
  #tell(error: BerthError): void {
    const isDamage = error.code === "outbox-damaged";
    if (!isDamage && this.#told.includes(error.code)) return;
    this.#told = [...this.#told, error.code];
    this.#problems.push(error);
    this.#alarm.set(0, () => {
      const problems = this.#problems;
      this.#problems = [];
      for (const problem of problems) this.#report(problem);
    });
  }
}
