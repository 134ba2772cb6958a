// SPDX-License-Identifier: MIT
/** Stands between a device and the emulator, ends TLS on both sides, and counts: the same counter for any device. */
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { type TappedPacket, Timeline, type Traffic } from "../../cli/timeline";
import type { Authority } from "../../emulator/certificate-authority";

/** What one device has sent and received. */
export interface WireTraffic extends Traffic {
  /** Bytes of TCP, with those of TLS. */
  readonly tcpSent: number;
  readonly tcpReceived: number;
  /** Types of the packets in their order: "> CONNECT" sent, "< CONNACK" received. */
  readonly packets: readonly string[];
}

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #packets: string[] = [];
  readonly #timeline = new Timeline((packet: TappedPacket) => {
    this.#packets.push(`${packet.direction === "sent" ? ">" : "<"} ${packet.type}`);
  });
  #tcpSent = 0;
  #tcpReceived = 0;

  /** @param port of the emulator on 127.0.0.1 */
  constructor(authority: Authority, port: number) {
    const tls = createServer({
      cert: authority.serverChainPem,
      key: authority.serverKeyPem,
      // As the emulator, and as DPS documents.
      maxVersion: "TLSv1.2",
    });
    tls.on("secureConnection", (device) => this.#pass(device, authority, port));
    tls.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#server = createTcpServer((socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#tcpSent += socket.bytesRead;
        this.#tcpReceived += socket.bytesWritten;
        this.#sockets.delete(socket);
      });
      tls.emit("connection", socket);
    });
  }

  /** @param port 0 takes a free one. @returns the port @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Waits until the device's connections have ended, and ends. */
  async stop(): Promise<WireTraffic> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    return {
      ...this.#timeline.traffic,
      tcpSent: this.#tcpSent,
      tcpReceived: this.#tcpReceived,
      packets: this.#packets,
    };
  }

  #pass(device: TLSSocket, authority: Authority, port: number): void {
    const name = device.servername || "localhost";
    const { sent, received } = this.#timeline.connection(name);
    const emulator = connect({ host: "127.0.0.1", port, servername: name, ca: authority.rootPem });
    emulator.setNoDelay(true);
    device.on("data", (bytes: Buffer) => {
      sent(bytes);
      emulator.write(bytes);
    });
    emulator.on("data", (bytes: Buffer) => {
      received(bytes);
      device.write(bytes);
    });
    device.on("end", () => emulator.end());
    emulator.on("end", () => device.end());
    device.on("error", () => emulator.destroy());
    emulator.on("error", () => device.destroy());
    device.on("close", () => emulator.destroy());
    emulator.on("close", () => device.destroy());
  }
}
