// SPDX-License-Identifier: MIT

import { isIP, type Socket } from "node:net";
import {
  type ConnectionOptions,
  connect,
  type DetailedPeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { BerthError } from "../../src/error";
import type { Transport, TransportOptions } from "../../src/host";
import { type ConnectTo, connectTarget } from "../sockets/connect-to";
import type { ProxyServer } from "../sockets/http-connect";
import { type Credentials, sharedContext } from "./secure-context";
import { chainOf, serverIdentityError } from "./server-identity";
import { PHASE, type Phase, transportError } from "./tls-errors";
import { openTunnel } from "./tunnel";

/** Bytes that may wait to be sent: above the largest message of Azure (256 KB) with its topic. */
const SEND_WINDOW = 320 * 1024;
/** Bytes received and not yet read from which on the socket is paused. */
const RECEIVE_WINDOW = 64 * 1024;
/** Milliseconds that a closed connection has to send what was written. */
const CLOSE_GRACE = 5_000;

/** What `NodeTransport` takes beside the core's options. */
export interface NodeTransportOptions extends TransportOptions, Credentials {
  /** Addresses to use instead of what a server's name resolves to. */
  readonly connectTo?: readonly ConnectTo[] | undefined;
  /** An HTTP proxy to go through. */
  readonly proxy?: ProxyServer | undefined;
}

/**
 * A TLS byte stream on `node:tls`: TLS 1.2 or later, the server always verified against `roots` and `host`,
 * SNI sent. No option and no environment variable turns the verification off.
 *
 * `onError` gets a BerthError: `dns-failed`, `connect-failed`, `tls-untrusted`, `tls-expired`, `tls-name-mismatch`,
 * `tls-client-certificate`, `tls-failed`, `connection-lost`, and with a proxy those of `HttpConnect`. It comes after all that was received is read.
 */
export class NodeTransport implements Transport {
  readonly #options: NodeTransportOptions;
  /** Undefined while a proxy is asked. */
  #socket: TLSSocket | undefined;
  #tunnel: Socket | undefined;
  #phase: Phase = PHASE.connecting;
  #received: Buffer[] = [];
  #receivedLength = 0;
  /** Has the server sent anything at all? */
  #heard = false;
  #failure: BerthError | undefined;
  #failureTold = false;
  #closed = false;

  /** @throws BerthError `invalid-argument` for a bad root, certificate or key. */
  constructor(options: NodeTransportOptions) {
    const secureContext = sharedContext(options);
    const { address, port } = connectTarget(options.connectTo ?? [], options.host, options.port);
    this.#options = options;
    if (!options.proxy) this.#connect({ host: address, port }, secureContext);
    else {
      this.#tunnel = openTunnel(
        options.proxy,
        { address, port },
        (socket) => {
          this.#tunnel = undefined;
          this.#phase = PHASE.handshake;
          this.#connect({ socket }, secureContext);
        },
        (error) => this.#fail(error),
      );
    }
  }

  #connect(where: ConnectionOptions, secureContext: SecureContext): void {
    const { host } = this.#options;
    const socket = connect({
      ...where,
      // RFC 6066 section 3 allows no address as a server name.
      servername: isIP(host) ? "" : host,
      secureContext,
      // Said here although it is the default: NODE_TLS_REJECT_UNAUTHORIZED=0 would turn the default off.
      rejectUnauthorized: true,
      checkServerIdentity: (_name, certificate) =>
        // It hands over a detailed one, see node:tls.
        serverIdentityError(host, chainOf(certificate as DetailedPeerCertificate)),
    });
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#listen(socket);
  }

  read(target: Uint8Array): number {
    if (this.#closed) throw new BerthError("closed", "read of a transport");
    let filled = 0;
    while (filled < target.length) {
      const first = this.#received[0];
      if (first === undefined) break;
      const part = first.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#received.shift();
      else this.#received[0] = first.subarray(part.length);
    }
    this.#receivedLength -= filled;
    if (this.#receivedLength < RECEIVE_WINDOW && this.#socket?.isPaused()) this.#socket.resume();
    if (this.#receivedLength === 0 && this.#failure !== undefined) setImmediate(() => this.#tellFailure());
    return filled;
  }

  /** @throws BerthError `invalid-argument` before the connection is up or when `bytes` do not fit the room. */
  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    if (this.#closed || this.#failureTold) throw new BerthError("closed", "write to a transport");
    const room = this.#room();
    // The connection is gone and its error is on the way, behind bytes not yet read: nothing to send to.
    if (this.#failure !== undefined) return room;
    if (end - start > room) {
      throw new BerthError("invalid-argument", `${end - start} bytes written where ${room} fit`);
    }
    const socket = this.#socket;
    socket?.write(Buffer.from(bytes.subarray(start, end)), () => {
      if (socket.writableLength === 0) this.#tellRoom();
    });
    return this.#room();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#received = [];
    this.#receivedLength = 0;
    this.#tunnel?.destroy();
    const socket = this.#socket;
    if (!socket) return;
    if (this.#phase !== PHASE.up || this.#failure !== undefined) {
      socket.destroy();
      return;
    }
    // What was written still goes out (DISCONNECT), but a peer that does not take it holds neither process nor memory.
    socket.destroySoon();
    socket.setTimeout(CLOSE_GRACE, () => socket.destroy());
    socket.unref();
  }

  #listen(socket: TLSSocket): void {
    socket.on("connect", () => {
      this.#phase = PHASE.handshake;
    });
    socket.on("secureConnect", () => {
      this.#phase = PHASE.up;
      this.#tellRoom();
    });
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#fail(transportError(error, this.#phase)));
    socket.on("end", () => this.#fail(this.#ended()));
    socket.on("close", () => this.#fail(this.#ended()));
  }

  #take(chunk: Buffer): void {
    if (this.#closed || chunk.length === 0) return;
    this.#heard = true;
    this.#received.push(chunk);
    this.#receivedLength += chunk.length;
    if (this.#receivedLength >= RECEIVE_WINDOW) this.#socket?.pause();
    this.#options.onReadable(this.#receivedLength);
  }

  #room(): number {
    if (this.#phase !== PHASE.up || !this.#socket) return 0;
    return Math.max(0, SEND_WINDOW - this.#socket.writableLength);
  }

  #tellRoom(): void {
    if (this.#closed || this.#failure !== undefined) return;
    this.#options.onWritable(this.#room());
  }

  #ended(): BerthError {
    if (this.#phase === PHASE.connecting) return new BerthError("connect-failed", "closed while connecting");
    if (this.#phase === PHASE.handshake) {
      return new BerthError("tls-failed", "the server closed the connection in the TLS handshake");
    }
    // TLS 1.3 is up before the server has judged the client's certificate (RFC 8446, section 4.4.2.4).
    const hint =
      "the server closed the connection before it sent anything: it may have refused the certificate";
    return new BerthError(
      "connection-lost",
      this.#options.certificate !== undefined && !this.#heard ? hint : "the server closed the connection",
    );
  }

  #fail(error: BerthError): void {
    if (this.#closed || this.#failure !== undefined) return;
    this.#failure = error;
    if (this.#receivedLength === 0) this.#tellFailure();
  }

  #tellFailure(): void {
    if (this.#closed || this.#failureTold) return;
    this.#failureTold = true;
    this.#options.onError(this.#failure);
  }
}
