// SPDX-License-Identifier: MIT
/**
 * The one TLS port. It reads CONNECT, finds the endpoint by the user name, lets it check the credentials, and hands the
 * connection to that endpoint's broker. Source: "IoT Hub MQTT support" and "Communicate with DPS using the MQTT protocol".
 */
import type { X509Certificate } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { type IConnectPacket, type Packet, parser } from "mqtt-packet";
import type { Authority } from "./certificate-authority";
import { clientChain } from "./client-certificate";
import { CountedSocket } from "./counted-socket";
import type { FaultInjector } from "./faults";
import type { Broker, Connection } from "./mqtt/broker";
import { Link } from "./mqtt/link";
import { PacketType } from "./mqtt/packet-framer";

/** CONNACK return codes, MQTT 3.1.1 table 3.1. */
export const ConnackCode = Object.freeze({
  ACCEPTED: 0,
  UNACCEPTABLE_PROTOCOL: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_CREDENTIALS: 4,
  NOT_AUTHORIZED: 5,
});

/** MQTT 3.1.1. */
const PROTOCOL_LEVEL = 4;
/** mosquitto sets this bit of the level to tell a broker that it is one as well. */
const BRIDGE_MARK = 0x80;

/** Why a CONNECT is refused. */
export interface Refusal {
  returnCode: number;
  /** For people; never holds a credential. */
  reason: string;
  /** `dps`, or the hub's name, as far as the user name told. */
  endpoint?: string;
}

/** A connection that may be served. */
export interface Admission {
  broker: Broker;
  connection: Connection;
  /** `dps`, or the hub's name. */
  endpoint: string;
}

/** What the front door needs from the emulator. */
export interface FrontDoorOptions {
  authority: Pick<Authority, "serverChainPem" | "serverKeyPem">;
  faults: FaultInjector;
  /** Decides about a CONNECT. */
  admit(connect: IConnectPacket, chain: readonly X509Certificate[], link: Link): Admission | Refusal;
  onRefused(connect: Pick<IConnectPacket, "clientId">, refusal: Refusal): void;
  /** Milliseconds that a client may take for TLS, and again until CONNECT. */
  connectTimeout: number;
  /** The largest packet of a client, in bytes. */
  maximumPacket: number;
  /** The highest TLS version offered. */
  maxVersion: "TLSv1.2" | "TLSv1.3";
}

/** Listens, and owns every socket. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  readonly #sockets = new Set<Socket>();

  constructor(options: FrontDoorOptions) {
    this.#options = options;
    this.#tls = createTlsServer({
      cert: options.authority.serverChainPem,
      key: options.authority.serverKeyPem,
      minVersion: "TLSv1.2",
      maxVersion: options.maxVersion,
      // As Azure: a certificate is asked for, an empty answer is fine, and who it is gets decided at CONNECT.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: options.connectTimeout,
    });
    this.#tls.on("secureConnection", (socket) => this.#serve(socket));
    // A handshake that fails leaves no socket behind; the client is told by a TLS alert.
    this.#tls.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#tcp = createServer((socket) => this.#accept(socket));
  }

  /** Starts to listen; returns the port. @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen(port, host, () => {
        this.#tcp.off("error", reject);
        const address = this.#tcp.address();
        resolve(typeof address === "object" && address ? address.port : port);
      });
    });
  }

  /** Stops listening and cuts what is still open. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#tcp.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    socket.setNoDelay(true);
    const rule = this.#options.faults.strike("accept", {});
    switch (rule?.action) {
      case "drop":
        // The connection stays open and silent, as behind a server that hangs.
        return;
      case "reset":
        socket.resetAndDestroy();
        return;
      case "delay":
        setTimeout(() => this.#handshake(socket), rule.delayMs ?? 0).unref();
        return;
      case undefined:
        this.#handshake(socket);
        return;
      default:
        socket.destroy();
    }
  }

  #handshake(socket: Socket): void {
    if (socket.destroyed) return;
    const { faults } = this.#options;
    const rule = faults.strike("tcpSent", {}) ?? faults.strike("tcpReceived", {});
    // Counting costs a detour through JavaScript, so only a connection that is to break takes it.
    this.#tls.emit("connection", rule ? new CountedSocket(socket, rule) : socket);
  }

  /** A TLS socket cannot send a RST; the TCP socket under it can. */
  #tcpSocketOf(socket: TLSSocket): Socket | undefined {
    for (const tcp of this.#sockets) {
      if (tcp.remotePort === socket.remotePort && tcp.remoteAddress === socket.remoteAddress) return tcp;
    }
    return undefined;
  }

  #serve(socket: TLSSocket): void {
    let admission: Admission | undefined;
    let refused = false;
    const link: Link = new Link(socket, this.#options.faults, this.#options.maximumPacket, {
      onPacket: (type, packet) => {
        if (admission) return admission.broker.filterPacket(admission.connection, type, packet);
        if (refused) return false;
        admission = this.#open(link, type, packet);
        refused = admission === undefined;
        // A refused client has the same time again to read its CONNACK and to close.
        if (!refused) clearTimeout(timer);
        return !refused;
      },
    });
    link.onReset = () => this.#tcpSocketOf(socket)?.resetAndDestroy();
    const timer = setTimeout(() => link.destroy(), this.#options.connectTimeout).unref();
    link.once("close", () => clearTimeout(timer));
  }

  /** Handles the first packet. Undefined when the connection is refused. */
  #open(link: Link, type: number, packet: Buffer): Admission | undefined {
    const level = type === PacketType.CONNECT ? protocolLevel(packet) : undefined;
    if (level !== undefined && level !== PROTOCOL_LEVEL) {
      // What follows the level need not be what this version of MQTT has there.
      return this.#refuse(link, parseConnect(packet) ?? { clientId: "" }, wrongLevel(level));
    }
    const connect = level === undefined ? undefined : parseConnect(packet);
    if (!connect) {
      // MQTT 3.1.1 section 3.1: anything else than a sound CONNECT closes the connection.
      link.destroy();
      return undefined;
    }
    const result = this.#options.admit(connect, clientChain(link.socket), link);
    if ("returnCode" in result) return this.#refuse(link, connect, result);
    link.identify({ id: result.connection.id, endpoint: result.endpoint });
    result.broker.attach(result.connection);
    return result;
  }

  #refuse(link: Link, connect: Pick<IConnectPacket, "clientId">, refusal: Refusal): undefined {
    const { endpoint, returnCode } = refusal;
    link.identify({ id: connect.clientId, ...(endpoint ? { endpoint } : {}) });
    this.#options.onRefused(connect, refusal);
    link.end(Buffer.from([0x20, 2, 0, returnCode]));
    return undefined;
  }
}

/** The level of a CONNECT, MQTT 3.1.1 section 3.1.2.2; undefined when its protocol's name is none of MQTT's. */
function protocolLevel(packet: Buffer): number | undefined {
  // The remaining length is as long as its bytes say "more"; the framer has seen its end.
  let at = 1;
  while (packet.readUInt8(at++) & 0x80);
  for (const name of ["\0\u0004MQTT", "\0\u0006MQIsdp"]) {
    if (packet.subarray(at, at + name.length).equals(Buffer.from(name))) return packet[at + name.length];
  }
  return undefined;
}

function wrongLevel(level: number): Refusal {
  const reason =
    level & BRIDGE_MARK
      ? `the protocol level ${level} is a bridge's; give it try_private false (mosquitto.conf)`
      : `the protocol level is not ${PROTOCOL_LEVEL}; speak MQTT 3.1.1`;
  return { returnCode: ConnackCode.UNACCEPTABLE_PROTOCOL, reason };
}

function parseConnect(bytes: Buffer): IConnectPacket | undefined {
  let connect: IConnectPacket | undefined;
  const reader = parser();
  reader.on("packet", (packet: Packet) => {
    if (packet.cmd === "connect") connect = packet;
  });
  reader.on("error", () => {});
  reader.parse(bytes);
  return connect;
}
