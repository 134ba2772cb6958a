// SPDX-License-Identifier: MIT
/**
 * One MQTT 3.1.1 connection: from opening the transport to its end.
 *
 * The session answers for CONNECT and CONNACK, keep alive, acknowledgements, deadlines and back-pressure.
 * It does not reconnect; what is in flight stays in `InFlight` for the session that follows.
 * Every entry point that a platform calls is guarded: an exception becomes `onError`, never an escape.
 */
import { asBerthError, BerthError, type ErrorCode, inRange } from "../error";
import {
  type Clock,
  openTransport,
  type TextCodec,
  type TimerHandle,
  type Timers,
  type Transport,
  type TransportBinding,
} from "../host";
import { InFlight, type OutboundMessage } from "./in-flight";
import {
  NO_BYTES,
  PINGRESP,
  PUBACK,
  PUBLISH,
  packetName,
  type QoS,
  SUBACK,
  SUBACK_FAILURE,
  UNSUBACK,
} from "./packets";
import {
  DEFAULT_MAXIMUM,
  type InboundPublish,
  type Oversize,
  type OversizePublish,
  type PacketHandler,
  PacketReader,
} from "./reader";
import { type Field, PacketWriter, type Will } from "./writer";

/** What a session reports. Nothing is called from inside a method of the session, nor after `close`. */
export interface SessionHandler<Message extends OutboundMessage = OutboundMessage> {
  /** With `eager`: CONNECT has been written. What is sent from inside leaves with it. */
  onOpen?(): void;
  /** CONNACK 0. What is in flight is sent again after this call. */
  onConnected(sessionPresent: boolean): void;
  /**
   * A message, or a fragment of one. For QoS 1, PUBACK follows after the call that hands over its last byte;
   * an exception ends the session without one.
   */
  onMessage(publish: InboundPublish): void;
  /** A message over `maximumPacketSize` was read past. PUBACK follows as ever: it would come back otherwise. */
  onOversize(publish: OversizePublish): void;
  /** PUBACK for a message of `publish`. */
  onAcknowledged(id: number, message: Message): void;
  /** SUBACK without a failure, or UNSUBACK. @param returnCodes granted QoS by filter, empty for UNSUBACK; a view */
  onSubscribed(id: number, returnCodes: Uint8Array): void;
  /** `publish` has room again after it returned -1. */
  onWritable(): void;
  /** The connection is gone and the session closed. */
  onError(error: BerthError): void;
}

/** How a connection is made. Names follow ECMA-419, section 25; durations are milliseconds. */
export interface SessionOptions<Message extends OutboundMessage = OutboundMessage> {
  readonly host: string;
  /** Default 8883. */
  readonly port?: number;
  readonly id: string;
  readonly user?: string | undefined;
  readonly password?: Field | undefined;
  readonly will?: Will | undefined;
  /** Clean session. Default true. */
  readonly clean?: boolean;
  /** Longest silence of the client; 0 turns it off, at most 65,535,000. Default 60,000. */
  readonly keepAlive?: number;
  /** For name resolution, TCP and TLS. Default 30,000. */
  readonly connectTimeout?: number;
  /** For each answer: CONNACK, SUBACK, PUBACK, PINGRESP. Default 30,000. */
  readonly answerTimeout?: number;
  /** To how many bytes the output buffer may grow, which bounds a packet to be sent. Default 4,096, at least 1,024. */
  readonly outputSize?: number;
  /** Bytes read from the transport at a time. Default 512, at least 64. */
  readonly inputSize?: number;
  /** Largest packet collected, as `ReaderOptions`. */
  readonly maximumPacketSize?: number;
  /** As `ReaderOptions`. */
  readonly oversize?: Oversize;
  /**
   * Let `subscribe` and `publish` follow CONNECT before CONNACK (section 3.1.4, non normative): saves a round
   * trip. `onConnected` is still called at CONNACK; `onOpen` tells when to start. Default false.
   */
  readonly eager?: boolean;
  /** Kept from the session before, or new. */
  readonly inFlight?: InFlight<Message>;
}

/** The part of `Host` that a session uses. */
export interface SessionHost {
  readonly text: TextCodec;
  readonly clock: Pick<Clock, "ticks">;
  readonly timers: Timers;
  readonly transport: TransportBinding;
}

// States.
/** Name resolution, TCP, TLS. */
const OPENING = 0;
/** CONNECT written. */
const CONNECTING = 1;
const CONNECTED = 2;
const CLOSED = 3;

/** By CONNACK return code (table 3.1). */
const REFUSALS: readonly ErrorCode[] = Object.freeze([
  "internal",
  "connack-protocol-version",
  "connack-identifier-rejected",
  "connack-server-unavailable",
  "connack-bad-credentials",
  "connack-not-authorized",
]);

const NONE = -1;
const NEVER = Number.POSITIVE_INFINITY;
/** Bytes of the output buffer at first: a CONNECT with a SAS token. */
const FIRST_OUTPUT = 512;

export class Session<Message extends OutboundMessage = OutboundMessage> implements PacketHandler {
  readonly #host: SessionHost;
  readonly #handler: SessionHandler<Message>;
  readonly #writer: PacketWriter;
  readonly #reader: PacketReader;
  readonly #input: Uint8Array;
  readonly #inFlight: InFlight<Message>;
  readonly #keepAlive: number;
  readonly #answerTimeout: number;
  readonly #eager: boolean;
  readonly #transport: Transport;
  /** Return codes of the longest SUBACK that the reader takes. */
  readonly #mostFilters: number;
  #options: SessionOptions<Message> | undefined;
  #state: number = OPENING;
  #room = 0;
  /** Next message in flight to be sent again; NONE when that is done. */
  #resend = NONE;
  #duplicate = false;
  /** `publish` was refused for lack of room in the buffer, or in the window: QoS 0 needs none there. */
  #starved = false;
  #crowded = false;
  /** Packet identifiers of PUBACKs that found no room; reading waits until they are written. */
  readonly #owed: number[] = [];
  /** Ticks. Deadlines are NONE while not running. */
  #lastSent = 0;
  #lastReceived = NONE;
  #phaseDeadline: number;
  #subscribeDeadline = NONE;
  #publishDeadline = NONE;
  #pingDeadline = NONE;
  /** A PINGREQ is due, but the transport takes nothing. */
  #pingOwed = false;
  /** What `onOpen` sends is held back, to leave with CONNECT in one write. */
  #holding = false;
  #timer: TimerHandle | undefined;
  readonly #onTimer = (): void => this.#guarded(this.#tick);
  /** Ticks for which the timer is set. */
  #timerAt = NEVER;
  #pendingError: BerthError | undefined;

  /**
   * Opens the transport.
   * @throws BerthError `invalid-argument` for an option out of range, and what the transport's constructor throws
   */
  constructor(host: SessionHost, handler: SessionHandler<Message>, options: SessionOptions<Message>) {
    checkSessionOptions(options);
    this.#keepAlive = options.keepAlive ?? 60_000;
    this.#answerTimeout = options.answerTimeout ?? 30_000;
    this.#host = host;
    this.#handler = handler;
    this.#options = options;
    this.#eager = options.eager ?? false;
    this.#inFlight = options.inFlight ?? new InFlight<Message>();
    this.#inFlight.releaseAll();
    this.#writer = new PacketWriter(new Uint8Array(FIRST_OUTPUT), host.text, options.outputSize ?? 4_096);
    this.#reader = new PacketReader(this, host.text, options);
    this.#mostFilters = (options.maximumPacketSize ?? DEFAULT_MAXIMUM) - 2;
    this.#input = new Uint8Array(options.inputSize ?? 512);
    this.#phaseDeadline = host.clock.ticks() + (options.connectTimeout ?? 30_000);
    this.#transport = openTransport(host.transport, {
      host: options.host,
      port: options.port ?? 8883,
      onReadable: () => {
        // As #guarded, without its calls: this is on the way of each PUBACK.
        if (this.#state === CLOSED) return;
        try {
          this.#readable();
        } catch (error) {
          this.#fail(asBerthError(error));
        }
      },
      onWritable: (room) => {
        this.#room = room;
        this.#guarded(this.#writable);
      },
      onError: (error) => this.#fail(asBerthError(error, "connection-lost")),
    });
    this.#arm(this.#phaseDeadline);
  }

  /** CONNACK 0 has come and the connection stands. */
  get connected(): boolean {
    return this.#state === CONNECTED;
  }

  /** Ticks when the server was last heard; -1 before CONNACK: what comes until then may be somebody else's, who speaks no MQTT. */
  get heardAt(): number {
    return this.#lastReceived;
  }

  /** The code of the error that it would end in if what it waits for did not come; undefined when nothing is due. */
  get awaited(): ErrorCode | undefined {
    if (this.#state === OPENING) return "connect-timeout";
    if (this.#state === CONNECTING) return "connack-timeout";
    if (this.#subscribeDeadline !== NONE) return "subscribe-timeout";
    return this.#publishDeadline === NONE ? undefined : "publish-timeout";
  }

  /** Nothing waits to be sent or acknowledged. */
  get drained(): boolean {
    return this.#inFlight.count === 0 && this.#writer.pending === 0;
  }

  /**
   * Sends a message. The bytes of a QoS 1 message must not change until it is acknowledged.
   * @returns its packet identifier (0 for QoS 0), or -1 when there is no room now: `onWritable` tells when
   * @throws BerthError `closed` before the connection stands or after its end; `invalid-argument`,
   *   `packet-too-large` as `PacketWriter.publish`
   */
  publish(message: Message, QoS: QoS = 1): number {
    if (this.#state !== CONNECTED) this.#assertOpen();
    if (QoS && this.#inFlight.full) {
      this.#crowded = true;
      return -1;
    }
    if (this.#resend !== NONE) {
      this.#starved = true;
      return -1;
    }
    const id = QoS ? this.#inFlight.add(message) : 0;
    let written = false;
    try {
      do written = this.#writer.publish(message.topic, message.payload, QoS, id, false, message.retain);
      while (!written && this.#letGo());
    } finally {
      if (!written && QoS) this.#inFlight.undo();
    }
    if (!written) {
      this.#starved = true;
      return -1;
    }
    if (QoS && this.#publishDeadline === NONE) this.#publishDeadline = this.#due();
    this.#flushFromMethod();
    return id;
  }

  /**
   * Subscribes at `QoS`; `onSubscribed` or `onError` (`subscribe-refused`, `subscribe-timeout`) follows.
   * @returns the packet identifier
   * @throws BerthError `closed`; `invalid-argument`, `packet-too-large` (of the answer, too); `outbox-full` when
   *   there is no room now
   */
  subscribe(filters: readonly string[], QoS: QoS = 1): number {
    return this.#request(filters, QoS);
  }

  /** Unsubscribes; returns and throws as `subscribe`, and the same callbacks follow. */
  unsubscribe(filters: readonly string[]): number {
    return this.#request(filters, undefined);
  }

  /** Sends DISCONNECT where the connection stands, and ends it. Idempotent; no callback follows. */
  close(): void {
    if (this.#state === CLOSED) return;
    try {
      if (this.#state === CONNECTED && this.#writer.disconnect()) this.#flush();
    } catch {
      // The connection ends either way.
    }
    this.#end();
  }

  // PacketHandler: called by the reader, below #readable and its guard.

  onConnack(sessionPresent: boolean, returnCode: number): void {
    if (this.#state !== CONNECTING) throw new BerthError("protocol-violation", "a second CONNACK");
    this.#lastReceived = this.#host.clock.ticks();
    if (returnCode) {
      throw new BerthError(REFUSALS[returnCode] as ErrorCode, "", { status: returnCode });
    }
    // [MQTT-3.2.2-1]
    if (sessionPresent && (this.#options?.clean ?? true)) {
      throw new BerthError("protocol-violation", "session present after a clean session");
    }
    this.#options = undefined;
    this.#state = CONNECTED;
    this.#phaseDeadline = NONE;
    this.#writer.wipe();
    if (!this.#eager) this.#startResend(sessionPresent);
    this.#handler.onConnected(sessionPresent);
    if (this.#keepAlive && this.#alive) this.#arm(this.#keepAliveDue());
  }

  onPublish(publish: InboundPublish): void {
    if (this.#state !== CONNECTED) throw tooEarly(PUBLISH);
    this.#handler.onMessage(publish);
    if (publish.offset + publish.payload.length === publish.byteLength) this.#acknowledge(publish);
  }

  onOversize(publish: OversizePublish): void {
    if (this.#state !== CONNECTED) throw tooEarly(PUBLISH);
    this.#handler.onOversize(publish);
    this.#acknowledge(publish);
  }

  onPuback(id: number): void {
    if (this.#state !== CONNECTED) throw tooEarly(PUBACK);
    const inFlight = this.#inFlight;
    const index = inFlight.indexOf(id);
    // An unknown id may answer a message that was sent twice.
    if (index < 0) return;
    const message = inFlight.take(index);
    if (index < this.#resend) this.#resend -= 1;
    // A younger one's PUBACK gives the oldest no more time.
    if (index === 0) this.#publishDeadline = inFlight.count ? this.#due() : NONE;
    this.#handler.onAcknowledged(id, message);
  }

  onSuback(id: number, returnCodes: Uint8Array): void {
    this.#answered(id, SUBACK, returnCodes.length);
    if (returnCodes.includes(SUBACK_FAILURE)) {
      throw new BerthError("subscribe-refused", "", { status: SUBACK_FAILURE });
    }
    this.#handler.onSubscribed(id, returnCodes);
  }

  onUnsuback(id: number): void {
    this.#answered(id, UNSUBACK, 0);
    this.#handler.onSubscribed(id, NO_BYTES);
  }

  onPingresp(): void {
    if (this.#state !== CONNECTED) throw tooEarly(PINGRESP);
  }

  get #alive(): boolean {
    return this.#state !== CLOSED;
  }

  /** Before CONNACK and after the end: may anything be sent? */
  #assertOpen(): void {
    if (this.#eager && this.#state === CONNECTING) return;
    throw new BerthError("closed", "the session is not connected");
  }

  #request(filters: readonly string[], QoS: QoS | undefined): number {
    if (this.#state !== CONNECTED) this.#assertOpen();
    if (filters.length > this.#mostFilters) {
      const about = `the answer to ${filters.length} filters is over maximumPacketSize`;
      throw new BerthError("packet-too-large", about);
    }
    const id = this.#inFlight.reserve(QoS === undefined ? 0 : filters.length);
    if (id === 0) throw new BerthError("outbox-full", "too many subscriptions wait for their answer");
    let written = false;
    try {
      do {
        written =
          QoS === undefined
            ? this.#writer.unsubscribe(id, filters)
            : this.#writer.subscribe(id, filters, QoS);
      } while (!written && this.#letGo());
    } finally {
      if (!written) this.#inFlight.release(id);
    }
    if (!written) throw new BerthError("outbox-full", "no room for a subscription now");
    if (this.#subscribeDeadline === NONE) this.#subscribeDeadline = this.#due();
    this.#flushFromMethod();
    return id;
  }

  /** [MQTT-3.8.4-1, 3.8.4-2, 3.8.4-5], [MQTT-3.10.4-4] */
  #answered(id: number, type: number, returnCodes: number): void {
    if (this.#state !== CONNECTED) throw tooEarly(type);
    const oldest = this.#inFlight.firstReserved === id;
    if (this.#inFlight.release(id) !== returnCodes) {
      throw new BerthError(
        "protocol-violation",
        `${packetName(type)} for packet id ${id} answers no such request`,
      );
    }
    if (!oldest) return;
    this.#subscribeDeadline = this.#inFlight.reserved > 0 ? this.#due() : NONE;
  }

  /** Runs what the platform calls; whatever it throws ends the session. */
  #guarded(work: () => void): void {
    if (!this.#alive) return;
    try {
      work.call(this);
    } catch (error) {
      this.#fail(asBerthError(error));
    }
  }

  #readable(): void {
    const input = this.#input;
    // While an acknowledgement is owed nothing more is read, so that the debt is bounded by one chunk.
    while (this.#owed.length === 0 || this.#settle()) {
      const count = this.#read(input);
      if (count === 0) break;
      if (this.#state === CONNECTED) this.#lastReceived = this.#host.clock.ticks();
      if (this.#pingDeadline !== NONE) this.#pinged();
      this.#reader.push(input, count);
      if (this.#state === CLOSED) return;
      // PUBACKs leave before the next bytes are read.
      if (this.#writer.pending) this.#flush();
    }
    this.#proceed();
  }

  /** A transport that throws has lost its connection, unless it says otherwise. */
  #read(target: Uint8Array): number {
    try {
      return this.#transport.read(target);
    } catch (error) {
      throw asBerthError(error, "connection-lost");
    }
  }

  #acknowledge({ QoS, id }: InboundPublish | OversizePublish): void {
    if (!QoS || !this.#alive) return;
    if (this.#owed.length || !this.#writer.puback(id)) this.#owed.push(id);
  }

  /** Writes the acknowledgements that are owed. @returns false when some still are */
  #settle(): boolean {
    const owed = this.#owed;
    do {
      while (owed.length && this.#writer.puback(owed[0] as number)) owed.shift();
      this.#flush();
      // What went out made room for more.
    } while (owed.length && this.#writer.pending === 0);
    return owed.length === 0;
  }

  /** Something has come after PINGREQ. */
  #pinged(): void {
    this.#pingDeadline = NONE;
    this.#pingOwed = false;
    this.#arm(this.#keepAliveDue());
  }

  #writable(): void {
    if (this.#state === OPENING) this.#sendConnect();
    this.#flush();
    if (this.#pingOwed) this.#ping();
    if (this.#owed.length) this.#readable();
    else this.#proceed();
  }

  /** Sends what waits: what was in flight before, then what the handler has. */
  #proceed(): void {
    if (this.#state === CLOSED) return;
    if (this.#resend !== NONE) this.#sendAgain();
    if (this.#writer.pending) this.#flush();
    if (this.#starved || this.#crowded) this.#feed();
  }

  /** @param duplicate the server may have had the messages: set DUP [MQTT-3.3.1-1] */
  #startResend(duplicate: boolean): void {
    this.#duplicate = duplicate;
    this.#resend = this.#inFlight.count ? 0 : NONE;
  }

  #sendConnect(): void {
    const options = this.#options as SessionOptions<Message>;
    this.#state = CONNECTING;
    this.#phaseDeadline = this.#due();
    this.#writer.connect({
      id: options.id,
      user: options.user,
      password: options.password,
      will: options.will,
      clean: options.clean ?? true,
      keepAlive: Math.ceil(this.#keepAlive / 1000),
    });
    // The credentials are not needed again.
    this.#options = { host: options.host, id: options.id, clean: options.clean ?? true };
    if (this.#eager) {
      // Before CONNACK nobody knows whether the server kept the session: where it may have, it is a re-delivery.
      this.#startResend(!(options.clean ?? true));
      this.#holding = true;
      this.#handler.onOpen?.();
      this.#holding = false;
    }
  }

  /** Sends what `onOpen` has written so far, to make room. @returns false when nothing was held back */
  #letGo(): boolean {
    if (!this.#holding) return false;
    this.#holding = false;
    this.#flushFromMethod();
    return true;
  }

  /** Sends what was in flight when the connection before ended, as far as there is room. */
  #sendAgain(): void {
    const inFlight = this.#inFlight;
    if (inFlight.count && this.#publishDeadline === NONE) this.#publishDeadline = this.#due();
    while (this.#resend < inFlight.count) {
      const message = inFlight.messageAt(this.#resend);
      const id = inFlight.idAt(this.#resend);
      if (!this.#writer.publish(message.topic, message.payload, 1, id, this.#duplicate, message.retain))
        return;
      this.#resend += 1;
    }
    this.#resend = NONE;
  }

  /** Tells the handler that `publish` has room again, which refused for one or the other. */
  #feed(): void {
    if (!this.#starved && this.#inFlight.full) return;
    if (this.#state !== CONNECTED || this.#resend !== NONE) return;
    this.#starved = this.#crowded = false;
    this.#handler.onWritable();
  }

  #flush(): void {
    const room = this.#room;
    if (room <= 0 || this.#state === CLOSED || this.#writer.pending === 0) return;
    try {
      this.#room = this.#writer.drain(this.#transport, room);
    } catch (error) {
      throw asBerthError(error, "connection-lost");
    }
    this.#lastSent = this.#host.clock.ticks();
  }

  /** A failure inside a public method is reported later: no callback comes from inside a method. */
  #flushFromMethod(): void {
    const room = this.#room;
    if (room <= 0 || this.#holding) return;
    try {
      this.#room = this.#writer.drain(this.#transport, room);
      this.#lastSent = this.#host.clock.ticks();
    } catch (error) {
      this.#pendingError ??= asBerthError(error, "connection-lost");
      this.#arm(this.#host.clock.ticks());
    }
  }

  /** While PINGRESP is awaited only the silence of this side counts [MQTT-3.1.2-23]. */
  #keepAliveDue(): number {
    const awaited = this.#pingDeadline !== NONE;
    return (awaited ? this.#lastSent : Math.min(this.#lastSent, this.#lastReceived)) + this.#keepAlive;
  }

  /** Sends the PINGREQ that is due, unless the output is stuck: then as soon as it moves. */
  #ping(): void {
    this.#pingOwed = this.#room <= 0 || this.#writer.pending > 0 || !this.#writer.pingreq();
    if (this.#pingOwed) return;
    this.#flush();
    this.#arm(this.#keepAliveDue());
  }

  /** The deadline of an answer that is awaited from now on. */
  #due(): number {
    const at = this.#host.clock.ticks() + this.#answerTimeout;
    if (at < this.#timerAt) this.#arm(at);
    return at;
  }

  /** Makes sure that the timer fires at `at` or before. One timer serves all deadlines and is set lazily. */
  #arm(at: number): void {
    if (this.#timerAt <= at) return;
    if (this.#timerAt !== NEVER) this.#host.timers.clear(this.#timer);
    this.#timerAt = at;
    const delay = at - this.#host.clock.ticks();
    this.#timer = this.#host.timers.set(this.#onTimer, Math.max(delay, 0));
  }

  #tick(): void {
    this.#timerAt = NEVER;
    if (this.#pendingError) throw this.#pendingError;
    const now = this.#host.clock.ticks();
    if (passed(this.#phaseDeadline, now)) {
      throw new BerthError(this.awaited as ErrorCode);
    }
    if (passed(this.#subscribeDeadline, now)) throw new BerthError("subscribe-timeout");
    if (passed(this.#pingDeadline, now)) throw new BerthError("keep-alive-timeout");
    if (passed(this.#publishDeadline, now)) throw new BerthError("publish-timeout");
    const pings = this.#keepAlive > 0 && this.#state === CONNECTED;
    if (pings && !this.#pingOwed && now >= this.#keepAliveDue()) {
      // It judges an output that is stuck, too.
      if (this.#pingDeadline === NONE) this.#pingDeadline = now + this.#answerTimeout;
      this.#ping();
    }
    let next = pings && !this.#pingOwed ? this.#keepAliveDue() : NONE;
    next = earlier(next, this.#phaseDeadline);
    next = earlier(next, this.#subscribeDeadline);
    next = earlier(next, this.#publishDeadline);
    next = earlier(next, this.#pingDeadline);
    if (next !== NONE) this.#arm(next);
  }

  #fail(error: BerthError): void {
    if (!this.#alive) return;
    this.#end();
    try {
      this.#handler.onError(error);
    } catch {
      // Nothing may escape into the platform; the handler's owner guards itself.
    }
  }

  #end(): void {
    this.#state = CLOSED;
    this.#options = undefined;
    this.#reader.end();
    this.#inFlight.releaseAll();
    if (this.#timerAt !== NEVER) this.#host.timers.clear(this.#timer);
    this.#timerAt = NEVER;
    try {
      this.#transport?.close();
    } catch {
      // It is closed as far as it goes.
    }
  }
}

function tooEarly(type: number): BerthError {
  return new BerthError("protocol-violation", `${packetName(type)} before CONNACK [MQTT-3.2.0-1]`);
}

function passed(deadline: number, now: number): boolean {
  return deadline !== NONE && now >= deadline;
}

function earlier(a: number, b: number): number {
  if (a === NONE) return b;
  return b === NONE || a < b ? a : b;
}

/**
 * So that who makes sessions later can tell at once what would be refused then.
 * @param where stands before the name of an option in a message
 * @throws BerthError `invalid-argument` for an option out of range
 */
export function checkSessionOptions(options: Partial<SessionOptions>, where = ""): void {
  wholeInRange(options.port, 1, 65_535, `${where}port`);
  wholeInRange(options.outputSize, 1_024, 1_048_576, `${where}outputSize`);
  wholeInRange(options.inputSize, 64, 65_536, `${where}inputSize`);
  inRange(options.keepAlive, 0, 65_535_000, `${where}keepAlive`);
  inRange(options.answerTimeout, 1, LONGEST_TIMER, `${where}answerTimeout`);
  inRange(options.connectTimeout, 1, LONGEST_TIMER, `${where}connectTimeout`);
  wholeInRange(options.maximumPacketSize, 128, 268_435_455, `${where}maximumPacketSize`);
}

/** Timers of a platform count milliseconds in 32 bits, with a sign. */
export const LONGEST_TIMER = 2_147_483_647;

function wholeInRange(value: number | undefined, low: number, high: number, name: string): void {
  inRange(value === undefined || Number.isInteger(value) ? value : Number.NaN, low, high, name);
}
