// SPDX-License-Identifier: MIT
/** An MQTT 3.1.1 client with no manners of its own: it sends what a test tells it and hands out what comes back. */
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from "mqtt-packet";

/** How to connect. */
export interface RawClientOptions {
  port: number;
  /** PEM of the root to trust. */
  ca: string;
  servername?: string;
  cert?: string;
  key?: string;
  maxVersion?: "TLSv1.2" | "TLSv1.3";
}

/** What CONNECT says; the rest has defaults. */
export interface RawConnect {
  clientId: string;
  username?: string;
  password?: string;
  clean?: boolean;
  keepalive?: number;
  protocolVersion?: 3 | 4 | 5;
  /** In place of the protocol level that belongs to `protocolVersion`. */
  level?: number;
  will?: { topic: string; payload: string; qos?: 0 | 1 | 2 };
}

/** One connection. */
export class RawMqttClient {
  readonly socket: Duplex;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Packets that no one has asked for yet. */
  readonly packets: Packet[] = [];
  #waiters: {
    wants: (packet: Packet) => boolean;
    resolve: (packet: Packet) => void;
    reject: (e: Error) => void;
  }[] = [];
  #ended = false;
  #messageId = 0;

  /** @param socket the bytes of MQTT */
  constructor(socket: Duplex) {
    this.socket = socket;
    const reader = parser();
    reader.on("packet", (packet: Packet) => this.#take(packet));
    socket.on("data", (chunk: Buffer) => reader.parse(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        for (const { reject } of this.#waiters) reject(new Error("the connection ended"));
        this.#waiters = [];
        resolve();
      });
    });
  }

  /** Opens TLS. @throws the TLS or socket error */
  static open(options: RawClientOptions): Promise<RawMqttClient> {
    return new Promise((resolve, reject) => {
      const { port, ca, servername = "localhost", cert, key, maxVersion } = options;
      const socket = tlsConnect({ host: "127.0.0.1", port, ca, servername, cert, key, maxVersion });
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed before TLS was up")));
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new RawMqttClient(socket));
      });
    });
  }

  /** Sends CONNECT; returns CONNACK. @throws when the connection ends without one */
  async connect(options: RawConnect): Promise<IConnackPacket> {
    const { protocolVersion = 4, will } = options;
    const packet = generate({
      cmd: "connect",
      protocolId: protocolVersion === 3 ? "MQIsdp" : "MQTT",
      protocolVersion,
      clean: options.clean ?? true,
      keepalive: options.keepalive ?? 60,
      clientId: options.clientId,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
      ...(will ? { will: { ...will, payload: Buffer.from(will.payload), retain: false } } : {}),
    });
    // It stands behind the protocol's name, which nothing in front of it can be.
    if (options.level !== undefined) packet[packet.indexOf("MQTT") + 4] = options.level;
    this.socket.write(packet);
    return (await this.next((packet) => packet.cmd === "connack")) as IConnackPacket;
  }

  /** Subscribes; returns the granted codes. */
  async subscribe(...filters: (string | { topic: string; qos: 0 | 1 | 2 })[]): Promise<number[]> {
    const messageId = this.#nextId();
    const subscriptions = filters.map((filter) =>
      typeof filter === "string" ? { topic: filter, qos: 1 as const } : filter,
    );
    this.send({ cmd: "subscribe", messageId, subscriptions });
    const suback = await this.next((packet) => packet.cmd === "suback" && packet.messageId === messageId);
    return (suback as { granted: number[] }).granted;
  }

  /** Publishes; with QoS 1 it settles at PUBACK. */
  async publish(
    topic: string,
    payload: string | Buffer,
    qos: 0 | 1 | 2 = 1,
    flags: { retain?: boolean } = {},
  ): Promise<void> {
    const messageId = this.#nextId();
    this.send({ cmd: "publish", topic, payload, qos, dup: false, retain: flags.retain ?? false, messageId });
    if (qos === 1) await this.next((packet) => packet.cmd === "puback" && packet.messageId === messageId);
  }

  /** The next PUBLISH, acknowledged when it has QoS 1 and `acknowledge` is not false. */
  async message(acknowledge = true): Promise<{ topic: string; text: string; packet: IPublishPacket }> {
    const packet = (await this.next(({ cmd }) => cmd === "publish")) as IPublishPacket;
    if (acknowledge && packet.qos === 1) this.send({ cmd: "puback", messageId: packet.messageId! });
    return { topic: packet.topic, text: packet.payload.toString(), packet };
  }

  /** The first packet, past or to come, that `wants` accepts. @throws when the connection ends first */
  next(wants: (packet: Packet) => boolean): Promise<Packet> {
    const index = this.packets.findIndex(wants);
    if (index >= 0) return Promise.resolve(this.packets.splice(index, 1)[0]!);
    if (this.#ended) return Promise.reject(new Error("the connection ended"));
    return new Promise((resolve, reject) => this.#waiters.push({ wants, resolve, reject }));
  }

  /** Sends any packet. */
  send(packet: Packet): void {
    this.socket.write(generate(packet));
  }

  /** Sends PINGREQ and waits for PINGRESP: everything sent before it has been handled then. */
  async ping(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next((packet) => packet.cmd === "pingresp");
  }

  /** DISCONNECT, and waits for the end. */
  async disconnect(): Promise<void> {
    this.send({ cmd: "disconnect" });
    this.socket.end();
    await this.closed;
  }

  /** Ends without DISCONNECT. */
  async drop(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #nextId(): number {
    this.#messageId = (this.#messageId % 65_535) + 1;
    return this.#messageId;
  }

  #take(packet: Packet): void {
    const index = this.#waiters.findIndex(({ wants }) => wants(packet));
    if (index < 0) this.packets.push(packet);
    else this.#waiters.splice(index, 1)[0]!.resolve(packet);
  }
}
