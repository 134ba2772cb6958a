// SPDX-License-Identifier: MIT

import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { BerthError } from "../../src/error";
import type { Transport, TransportOptions } from "../../src/host";
import { type ConnectTo, connectTarget } from "../sockets/connect-to";
import { type Credentials, sharedContext } from "./secure-context";
import { chainOf, serverIdentityError } from "./server-identity";
import { PHASE, type Phase, transportError } from "./tls-errors";

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
}

/**
 * A TLS byte stream on `node:tls`: TLS 1.2 or later, the server always verified against `roots` and `host`,
 * SNI sent. No option and no environment variable turns the verification off.
 *
 * `onError` gets a BerthError: `dns-failed`, `connect-failed`, `tls-untrusted`, `tls-expired`, `tls-name-mismatch`,
 * `tls-client-certificate`, `tls-failed` or `connection-lost`. It comes after all that was received is read.
 */
export class NodeTransport implements Transport {
  readonly #options: NodeTransportOptions;
  readonly #socket: TLSSocket;
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
    const target = connectTarget(options.connectTo ?? [], options.host, options.port);
    this.#options = options;
    this.#socket = connect({
      host: target.address,
      port: target.port,
      // RFC 6066 section 3 allows no address as a server name.
      servername: isIP(options.host) ? "" : options.host,
      secureContext,
      // Said here although it is the default: NODE_TLS_REJECT_UNAUTHORIZED=0 would turn the default off.
      rejectUnauthorized: true,
      checkServerIdentity: (_name, certificate) =>
        // It hands over a detailed one, see node:tls.
        serverIdentityError(options.host, chainOf(certificate as DetailedPeerCertificate)),
    });
    this.#socket.setNoDelay(true);
    this.#listen();
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
    if (this.#receivedLength < RECEIVE_WINDOW && this.#socket.isPaused()) this.#socket.resume();
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
    this.#socket.write(Buffer.from(bytes.subarray(start, end)), () => {
      if (this.#socket.writableLength === 0) this.#tellRoom();
    });
    return this.#room();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#received = [];
    this.#receivedLength = 0;
    if (this.#phase !== PHASE.up || this.#failure !== undefined) {
      this.#socket.destroy();
      return;
    }
    // What was written still goes out (DISCONNECT), but a peer that does not take it holds neither process nor memory.
    this.#socket.destroySoon();
    this.#socket.setTimeout(CLOSE_GRACE, () => this.#socket.destroy());
    this.#socket.unref();
  }

  #listen(): void {
    const socket = this.#socket;
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
    if (this.#receivedLength >= RECEIVE_WINDOW) this.#socket.pause();
    this.#options.onReadable(this.#receivedLength);
  }

  #room(): number {
    if (this.#phase !== PHASE.up) return 0;
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
