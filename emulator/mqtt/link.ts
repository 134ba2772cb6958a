// SPDX-License-Identifier: MIT
/**
 * The stream between a TLS socket and the MQTT broker. It sees whole packets in both directions, so this is the place
 * that bounds what a client may send, injects faults, and writes PUBLISH packets beside those of the broker.
 */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { FaultContext, FaultInjector, FaultRule, FaultStep } from "../faults";
import { FramingError, PacketFramer, PacketType } from "./packet-framer";

/** What a link tells its owner. */
export interface LinkObserver {
  /**
   * Called for each packet of the client before the broker sees it; the first one is handed over before any broker
   * exists. False keeps the packet from the broker.
   */
  onPacket(type: number, packet: Buffer): boolean;
}

const STEP_OF_TYPE: Readonly<Record<number, FaultStep>> = {
  [PacketType.CONNACK]: "connack",
  [PacketType.SUBACK]: "suback",
  [PacketType.PUBACK]: "puback",
  [PacketType.PINGRESP]: "pingresp",
};

/** A Duplex of MQTT packets over one TLS socket. */
export class Link extends Duplex {
  readonly socket: TLSSocket;
  /** Bytes of MQTT inside TLS. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Resets the TCP connection; set by the owner of the sockets. */
  onReset: () => void = () => {};
  /** Who is served, for fault rules; known once CONNECT has come. */
  context: FaultContext = {};
  readonly #observer: LinkObserver;
  readonly #faults: FaultInjector;
  readonly #inbound: PacketFramer;
  // The broker writes a packet in pieces; its packets are as large as the client's or ours.
  readonly #outbound = new PacketFramer(268_435_460);
  #turn: Promise<void> = Promise.resolve();
  #cutSent: FaultRule | undefined;
  #cutReceived: FaultRule | undefined;

  /** @param maximumPacket the largest packet that a client may send, in bytes */
  constructor(socket: TLSSocket, faults: FaultInjector, maximumPacket: number, observer: LinkObserver) {
    super({ allowHalfOpen: false });
    this.socket = socket;
    this.#faults = faults;
    this.#observer = observer;
    this.#inbound = new PacketFramer(maximumPacket);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    // A client that vanishes is everyday life for a server; "close" follows.
    socket.on("error", () => {});
    this.on("error", () => {});
  }

  /** Cuts the connection by a TCP RST. */
  reset(): void {
    this.onReset();
    this.socket.destroy();
    this.destroy();
  }

  /** Looks up byte faults for this client; called once it is known who it is. */
  identify(context: FaultContext): void {
    this.context = context;
    this.#cutSent = this.#faults.strike("sent", context);
    this.#cutReceived = this.#faults.strike("received", context);
  }

  #receive(chunk: Buffer): void {
    const first = this.bytesReceived === 0;
    this.bytesReceived += chunk.length;
    try {
      // Another protocol is told apart at once, before its bytes are taken for a long packet.
      if (first && chunk[0] !== PacketType.CONNECT << 4)
        throw new FramingError("the first packet is no CONNECT");
      for (const packet of this.#inbound.push(chunk)) {
        if (this.destroyed) return;
        if (!this.#observer.onPacket(packet[0]! >> 4, packet)) continue;
        if (!this.destroyed && !this.push(packet)) this.socket.pause();
      }
    } catch (error) {
      // Whatever one client brings about ends its connection, never the emulator.
      this.destroy(error as Error);
      return;
    }
    const cut = this.#cutReceived;
    if (cut && this.bytesReceived >= (cut.afterBytes ?? 0)) this.#break(cut);
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sendAll(this.#outbound.push(chunk), done);
  }

  override _writev(pieces: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#sendAll(this.#outbound.push(Buffer.concat(pieces.map((piece) => piece.chunk))), done);
  }

  override _final(done: () => void): void {
    this.#turn = this.#turn.then(() => {
      this.socket.end();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What was written just before, a refusing CONNACK say, still has to leave.
    this.#turn = this.#turn.then(() => this.socket.destroySoon());
    done(error);
  }

  #sendAll(packets: Iterable<Buffer>, done: () => void): void {
    for (const packet of packets) this.#turn = this.#turn.then(() => this.#send(packet));
    this.#turn = this.#turn.then(() => done());
  }

  /** Sends one packet after those before it: a delayed one holds up the rest, as TCP would. */
  async #send(packet: Buffer): Promise<void> {
    const type = packet[0]! >> 4;
    const step = STEP_OF_TYPE[type];
    const rule = step && this.#faults.strike(step, this.context);
    if (rule?.action === "drop") return;
    if (rule?.action === "delay") await sleep(rule.delayMs ?? 0);
    if (rule?.action === "close" || rule?.action === "reset") return this.#break(rule);
    let bytes = packet;
    if (rule?.action === "returnCode") bytes = Buffer.from([0x20, 2, 0, rule.returnCode ?? 3]);
    // aedes grants what was asked for; Azure grants at most 1 (a failure, 0x80, stays).
    if (type === PacketType.SUBACK) bytes = capGranted(packet);
    await this.#write(bytes);
    if (rule?.action === "returnCode") this.socket.destroySoon();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed || !this.socket.writable) return;
    const cut = this.#cutSent;
    const room = cut ? (cut.afterBytes ?? 0) - this.bytesSent : Number.POSITIVE_INFINITY;
    const part = bytes.length > room ? bytes.subarray(0, Math.max(0, room)) : bytes;
    this.bytesSent += part.length;
    await new Promise<void>((resolve) => {
      this.socket.once("close", resolve);
      this.socket.write(part, () => {
        this.socket.off("close", resolve);
        resolve();
      });
    });
    if (cut && bytes.length >= room) this.#break(cut);
  }

  #break(rule: FaultRule): void {
    if (rule.action === "close") this.socket.destroySoon();
    else this.reset();
  }
}

function capGranted(suback: Buffer): Buffer {
  const copy = Buffer.from(suback);
  // Fixed header, remaining length (one byte below 128), packet identifier, then one code a filter.
  const header = suback.length < 130 ? 4 : 5;
  for (let index = header; index < copy.length; index++) if (copy[index] === 2) copy[index] = 1;
  return copy;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
