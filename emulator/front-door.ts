// SPDX-License-Identifier: MIT
/**
 * The one TLS port. It reads CONNECT, finds the endpoint by the user name, lets it check the credentials, and hands the
 * connection to that endpoint's broker. Source: "IoT Hub MQTT support" and "Communicate with DPS using the MQTT protocol".
 */
import type { X509Certificate } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Authority } from "./certificate-authority";
import { clientChain } from "./client-certificate";
import type { Clock } from "./clock";
import { CountedSocket } from "./counted-socket";
import type { FaultInjector } from "./faults";
import { handshakeFailure } from "./handshake-failure";
import type { Broker, Connection } from "./mqtt/broker";
import { type ConnectPacket, readConnect } from "./mqtt/client-packets";
import { connack, Link } from "./mqtt/link";

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
  admit(connect: ConnectPacket, chain: readonly X509Certificate[], link: Link): Admission | Refusal;
  onRefused(connect: ConnectPacket, refusal: Refusal): void;
  /** A connection ended before its CONNECT was understood. @param reason in words */
  onStranger(address: string, reason: string): void;
  clock: Clock;
  /** Milliseconds that a client may take for TLS, and again until CONNECT. */
  connectTimeout: number;
  /** The largest packet of a client, in bytes. */
  maximumPacket: number;
  /** The highest TLS version offered. */
  maxVersion: "TLSv1.2" | "TLSv1.3";
}

/** What came through TLS, or another transport of MQTT. */
interface Caller {
  stream: Duplex;
  /** For people. */
  address: string;
  /** The client's certificates, leaf first; empty when it sent none. */
  chain(): readonly X509Certificate[];
  /** Makes the end of the stream a TCP RST. */
  reset(): void;
}

/** Listens, and owns every socket. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  readonly #sockets = new Set<Socket>();
  /** Connections that a fault is to break. */
  #faulted = 0;
  #stopping = false;

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
    this.#tls.on("secureConnection", (socket) =>
      this.#serve({
        stream: socket,
        address: addressOf(socket),
        chain: () => clientChain(socket),
        reset: () => this.#tcpSocketOf(socket)?.resetAndDestroy(),
      }),
    );
    // A handshake that fails leaves no socket behind; the client is told by a TLS alert.
    this.#tls.on("tlsClientError", (error, socket) => {
      // What a fault breaks is told by the fault.
      if (!this.#stopping && this.#faulted === 0)
        options.onStranger(addressOf(socket), handshakeFailure(error));
      socket.destroy();
    });
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
    this.#stopping = true;
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
        this.#options.clock.schedule(() => this.#handshake(socket), rule.delayMs ?? 0);
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
    if (!rule) this.#tls.emit("connection", socket);
    else {
      this.#faulted++;
      const counted = new CountedSocket(socket, rule);
      // TLS tells of the end some turns later.
      counted.once("close", () =>
        setImmediate(() => setImmediate(() => setImmediate(() => this.#faulted--))),
      );
      this.#tls.emit("connection", counted);
    }
  }

  /** A TLS socket cannot send a RST; the TCP socket under it can. */
  #tcpSocketOf(socket: TLSSocket): Socket | undefined {
    for (const tcp of this.#sockets) {
      if (tcp.remotePort === socket.remotePort && tcp.remoteAddress === socket.remoteAddress) return tcp;
    }
    return undefined;
  }

  #serve({ stream, address, chain, reset }: Caller): void {
    const { clock, faults, maximumPacket, connectTimeout, onStranger } = this.#options;
    let admission: Admission | undefined;
    let known = false;
    const link: Link = new Link({
      stream,
      clock,
      faults,
      maximumPacket,
      reset,
      onPacket: (packet) => {
        if (admission) return admission.broker.receive(admission.connection, packet);
        const connect = readConnect(packet);
        known = true;
        stopTimer();
        admission = this.#open(link, connect, chain());
      },
    });
    let broken: Error | undefined;
    stream.on("error", (error) => {
      broken = error;
    });
    const stopTimer = clock.schedule(() => link.destroy("no CONNECT came in time"), connectTimeout);
    link.once("close", () => {
      stopTimer();
      if (known || this.#stopping) return;
      const ended = broken
        ? handshakeFailure(broken)
        : "the client closed the connection before CONNECT; does it trust the root?";
      onStranger(address, link.reason ?? ended);
    });
  }

  /** Handles CONNECT. Undefined when the connection is refused. */
  #open(link: Link, connect: ConnectPacket, chain: readonly X509Certificate[]): Admission | undefined {
    const result =
      connect.protocolVersion === PROTOCOL_LEVEL
        ? this.#options.admit(connect, chain, link)
        : wrongLevel(connect.protocolVersion);
    if ("returnCode" in result) {
      link.identify({ id: connect.clientId, ...(result.endpoint ? { endpoint: result.endpoint } : {}) });
      this.#options.onRefused(connect, result);
      link.end(connack(result.returnCode), result.reason);
      return undefined;
    }
    link.identify({ id: result.connection.id, endpoint: result.endpoint });
    result.broker.attach(result.connection);
    return result;
  }
}

function wrongLevel(level: number): Refusal {
  const reason =
    level & BRIDGE_MARK
      ? `the protocol level ${level} is a bridge's; give it try_private false (mosquitto.conf)`
      : `the protocol level is not ${PROTOCOL_LEVEL}; speak MQTT 3.1.1`;
  return { returnCode: ConnackCode.UNACCEPTABLE_PROTOCOL, reason };
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? "a client" : `${remoteAddress}:${remotePort}`;
}
