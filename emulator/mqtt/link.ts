// SPDX-License-Identifier: MIT
/**
 * MQTT packets over one duplex stream (TLS here). All packets of both directions pass it, so this is the place that
 * bounds what waits in memory for one client, and that injects faults.
 */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { Clock } from "../clock";
import type { FaultContext, FaultInjector, FaultRule, FaultStep } from "../faults";
import { FramingError, PacketFramer, PacketType } from "./packet-framer";

/** Is told of each packet, those of faults included; must not throw. @param bytes lent */
export type PacketWatch = (link: Link, direction: "received" | "sent", bytes: Buffer) => void;

/** What a link is made of. */
export interface LinkOptions {
  /** Counts the connections of an emulator. */
  number?: number;
  watch?: PacketWatch;
  /** The bytes; the link owns it. */
  stream: Duplex;
  clock: Clock;
  faults: FaultInjector;
  /** The largest packet that a client may send, in bytes. */
  maximumPacket: number;
  /** Called for each whole packet of the client; a throw ends the connection with the error's message as the reason. */
  onPacket(packet: Buffer): void;
  /** Makes the end of the stream a TCP RST. */
  reset(): void;
}

const STEP_OF_TYPE: Readonly<Record<number, FaultStep>> = {
  [PacketType.CONNACK]: "connack",
  [PacketType.SUBACK]: "suback",
  [PacketType.PUBACK]: "puback",
  [PacketType.PINGRESP]: "pingresp",
};

/** Bytes that may wait for a client that does not read: a full queue of the largest cloud-to-device messages, twice. */
const MOST_WAITING = 8 * 1024 * 1024;

/** Milliseconds that a client has to take what was sent last and to close, before the socket goes. */
const GRACE = 2000;

interface Outgoing {
  packet: Buffer;
  /** Called when the packet has left, or was dropped by a fault. */
  sent: (() => void) | undefined;
}

/** One connection. Emits `close` once, whoever ended it. */
export class Link extends EventEmitter<{ close: [] }> {
  readonly number: number;
  /** Bytes of MQTT. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Who is served, for fault rules; known once CONNECT has come. */
  context: FaultContext = {};
  /** Nothing is taken and nothing is sent any more. */
  destroyed = false;
  /** Why it ended; undefined while it stands, and when the client ended it. */
  reason: string | undefined;
  readonly #options: LinkOptions;
  readonly #inbound: PacketFramer;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  /** A fault delays the packet in front. */
  #held = false;
  #ending = false;
  #corked = false;
  #unflushed = 0;
  #onFlushed: (() => void) | undefined;
  #cutSent: FaultRule | undefined;
  #cutReceived: FaultRule | undefined;
  #silence: { limit: number; cancel: () => void } | undefined;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.number = options.number ?? 0;
    this.#inbound = new PacketFramer(options.maximumPacket);
    const { stream } = options;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("drain", () => this.#pump());
    stream.on("end", () => this.destroy());
    stream.on("close", () => this.destroy());
    // A client that vanishes is everyday life for a server; "close" follows.
    stream.on("error", () => {});
  }

  /** Looks up byte faults for this client; called once it is known who it is. */
  identify(context: FaultContext): void {
    this.context = context;
    this.#cutSent = this.#options.faults.strike("sent", context);
    this.#cutReceived = this.#options.faults.strike("received", context);
  }

  /**
   * Sends a packet behind those before it; nothing once the link has ended. A client that lets too much wait is cut.
   * @param sent called when it has left, or was dropped by a fault
   */
  send(packet: Buffer, sent?: () => void): void {
    if (this.destroyed || this.#ending) return;
    this.#waiting.push({ packet, sent });
    this.#waitingBytes += packet.length;
    this.#flush();
    if (!this.destroyed && this.#waitingBytes + this.#options.stream.writableLength > MOST_WAITING) {
      this.destroy("the client does not read what is sent to it");
      this.#options.stream.destroy();
    }
  }

  /** Sends a last packet, then ends. */
  end(packet: Buffer, reason: string): void {
    this.send(packet);
    this.reason ??= reason;
    this.#ending = true;
    this.#flush();
  }

  /** Answers a request by `send`, or does in its place what a rule says; an answer of another status is `send`'s. */
  answer(rule: FaultRule | undefined, send: () => void): void {
    switch (rule?.action) {
      case "drop":
        return;
      case "delay":
        this.#options.clock.schedule(send, rule.delayMs ?? 0);
        return;
      case "close":
      case "reset":
        this.#break(rule);
        return;
      default:
        send();
    }
  }

  /** Ends: what was sent before still leaves, if the client takes it. */
  destroy(reason?: string): void {
    if (!this.#shut(reason)) return;
    const { stream } = this.#options;
    stream.end();
    // A TCP socket that is closed with something unread sends a RST, which can overtake the last packet.
    stream.resume();
  }

  /** Ends by a TCP RST, behind what was sent before. */
  reset(reason = "a fault"): void {
    if (!this.#shut(reason)) return;
    this.#onFlushed = () => {
      this.#options.reset();
      this.#options.stream.destroy();
    };
    if (this.#unflushed === 0) this.#onFlushed();
  }

  /** From now on, ends when nothing has come for so many milliseconds. */
  limitSilence(limit: number): void {
    this.#silence = { limit, cancel: () => {} };
    this.#heard();
  }

  #heard(): void {
    if (!this.#silence || this.destroyed) return;
    this.#silence.cancel();
    this.#silence.cancel = this.#options.clock.schedule(
      () => this.destroy("keep alive timeout"),
      this.#silence.limit,
    );
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    // Another protocol is told apart at once, before its bytes are taken for a long packet.
    if (this.bytesReceived === 0 && chunk[0] !== PacketType.CONNECT << 4) {
      const isHttp = /^[A-Z]{3,7} /.test(chunk.subarray(0, 8).toString("latin1"));
      this.destroy(isHttp ? "an HTTP request; this port speaks MQTT" : "the first packet is no CONNECT");
      return;
    }
    this.bytesReceived += chunk.length;
    this.#heard();
    this.#inbound.add(chunk);
    this.#pump();
  }

  /** Hands over packets for as long as their answers leave; else reading pauses, and TCP holds the client back. */
  #pump(): void {
    const { stream, onPacket, watch } = this.#options;
    try {
      while (!this.destroyed && !this.#ending && !this.#stalled) {
        const packet = this.#inbound.next();
        if (!packet) break;
        watch?.(this, "received", packet);
        onPacket(packet);
      }
    } catch (error) {
      // Whatever one client brings about ends its connection, never the emulator.
      this.destroy(
        error instanceof FramingError ? `${error.message} (MQTT 3.1.1)` : (error as Error).message,
      );
    }
    if (this.destroyed) return;
    const cut = this.#cutReceived;
    if (cut && this.bytesReceived >= (cut.afterBytes ?? 0)) this.#break(cut);
    else if (this.#stalled) stream.pause();
    else stream.resume();
  }

  get #stalled(): boolean {
    return this.#held || this.#options.stream.writableNeedDrain;
  }

  #flush(): void {
    while (!this.#held && !this.destroyed) {
      const next = this.#waiting.shift();
      if (!next) break;
      this.#waitingBytes -= next.packet.length;
      this.#send(next);
    }
    if (this.#ending && this.#waiting.length === 0 && !this.#held) this.destroy();
  }

  #send(outgoing: Outgoing): void {
    const step = STEP_OF_TYPE[outgoing.packet[0]! >> 4];
    const rule = step && this.#options.faults.strike(step, this.context);
    switch (rule?.action) {
      case "drop":
        outgoing.sent?.();
        return;
      case "delay":
        // It holds up the rest, as TCP would.
        this.#held = true;
        this.#options.clock.schedule(() => {
          this.#held = false;
          if (this.destroyed) return;
          this.#write(outgoing);
          this.#flush();
          this.#pump();
        }, rule.delayMs ?? 0);
        return;
      case "close":
      case "reset":
        this.#break(rule);
        return;
      case "returnCode":
        this.#write({ packet: connack(rule.returnCode!), sent: undefined });
        this.destroy("a fault");
        return;
      default:
        this.#write(outgoing);
    }
  }

  #write({ packet, sent }: Outgoing): void {
    const cut = this.#cutSent;
    const room = cut ? (cut.afterBytes ?? 0) - this.bytesSent : Number.POSITIVE_INFINITY;
    const part = packet.length > room ? packet.subarray(0, Math.max(0, room)) : packet;
    this.bytesSent += part.length;
    if (part.length > 0) this.#options.watch?.(this, "sent", part);
    this.#cork();
    this.#unflushed++;
    this.#options.stream.write(part, () => this.#flushed());
    if (cut && packet.length >= room) this.#break(cut);
    else sent?.();
  }

  /** What one turn of the event loop sends, all answers to a batch for example, leaves in one write. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#options.stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#options.stream.uncork();
    });
  }

  #flushed(): void {
    // While reading pauses, its PINGREQ cannot be heard; that it takes what is sent shows that it lives.
    if (this.#options.stream.isPaused()) this.#heard();
    this.#unflushed--;
    if (this.#unflushed === 0) this.#onFlushed?.();
  }

  #break(rule: FaultRule): void {
    if (rule.action === "close") this.destroy("a fault");
    else this.reset();
  }

  /** False when it has ended before. */
  #shut(reason: string | undefined): boolean {
    if (this.destroyed) return false;
    this.destroyed = true;
    this.reason ??= reason;
    this.#waiting = [];
    this.#silence?.cancel();
    const { stream, clock } = this.#options;
    const cancel = clock.schedule(() => stream.destroy(), GRACE);
    if (stream.closed) cancel();
    else stream.once("close", cancel);
    this.emit("close");
    return true;
  }
}

/** A CONNACK without a session. */
export function connack(returnCode: number, sessionPresent = false): Buffer {
  return Buffer.from([PacketType.CONNACK << 4, 2, sessionPresent ? 1 : 0, returnCode]);
}
