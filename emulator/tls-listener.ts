// SPDX-License-Identifier: MIT
/** The one port: TCP and TLS in front of MQTT. Source: "IoT Hub MQTT support", "TLS support in DPS" (Azure documents). */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { clientChain } from "./client-certificate";
import type { Clock } from "./clock";
import { CountedSocket } from "./counted-socket";
import type { FaultInjector } from "./faults";
import type { Caller } from "./front-door";
import { handshakeFailure } from "./handshake-failure";
import type { ServerPair } from "./served-certificate";
import { listening } from "./listening";

/** What the listener needs from the emulator. */
export interface TlsListenerOptions {
  pair: ServerPair;
  faults: FaultInjector;
  clock: Clock;
  /** Milliseconds that a client may take for TLS; of this machine's time, for Node.js counts them. */
  handshakeTimeout: number;
  /** The highest TLS version offered. */
  maxVersion: "TLSv1.2" | "TLSv1.3";
  /** A handshake is done. */
  onCaller(caller: Caller): void;
  /** A handshake has failed. @param reason in words */
  onStranger(address: string, reason: string): void;
}

/** Listens, and owns every socket. */
export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  readonly #sockets = new Set<Socket>();
  /** Of the certificate that is shown. */
  #flaw: string | undefined;
  /** Connections that a fault is to break. */
  #faulted = 0;
  #stopping = false;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#tls = createTlsServer({
      ...this.#contextOf(options.pair),
      // As Azure: a certificate is asked for, an empty answer is fine, and who it is gets decided at CONNECT.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: options.handshakeTimeout,
    });
    this.#tls.on("secureConnection", (socket) =>
      options.onCaller({
        stream: socket,
        address: addressOf(socket),
        chain: () => clientChain(socket),
        flaw: this.#flaw,
        reset: () => this.#tcpSocketOf(socket)?.resetAndDestroy(),
      }),
    );
    // A handshake that fails leaves no socket behind; the client is told by a TLS alert.
    this.#tls.on("tlsClientError", (error, socket) => {
      // What a fault breaks is told by the fault.
      if (!this.#stopping && this.#faulted === 0)
        options.onStranger(addressOf(socket), handshakeFailure(error, this.#flaw));
      socket.destroy();
    });
    this.#tcp = createServer((socket) => this.#accept(socket));
  }

  /** Shows another certificate to who connects from now on; a session of before is not resumed. */
  show(pair: ServerPair): void {
    this.#tls.setSecureContext(this.#contextOf(pair));
    this.#flaw = pair.flaw;
  }

  #contextOf({ serverChainPem, serverKeyPem }: ServerPair) {
    return {
      cert: serverChainPem,
      key: serverKeyPem,
      minVersion: "TLSv1.2",
      maxVersion: this.#options.maxVersion,
    } as const;
  }

  /** Starts to listen; returns the port. @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return listening(this.#tcp, port, host);
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
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? "a client" : `${remoteAddress}:${remotePort}`;
}
