// SPDX-License-Identifier: MIT
/**
 * The SDK's sockets as far as their habits matter: a TCP that calls back from native code, and a TLS that throws every
 * failure out of the callback of TCP, takes a close_notify in the clear for the end of the handshake, and goes on
 * reading from a timer of its own. The records are those of TLS 1.2 without any encryption.
 */

import type { TlsSocket, TlsSocketOptions } from "../../../../hosts/moddable/crypto-sdk/transport";
import type { Tcp, TcpOptions } from "../../../../hosts/sockets/tcp";

export const Content = { CCS: 20, ALERT: 21, HANDSHAKE: 22, DATA: 23 } as const;

export function record(type: number, ...bytes: number[]): Uint8Array {
  return Uint8Array.of(type, 3, 3, bytes.length >> 8, bytes.length & 0xff, ...bytes);
}

/** The handshake message with the server's certificates. */
export function certificateMessage(...certificates: Uint8Array[]): number[] {
  const u24 = (length: number) => [length >> 16, (length >> 8) & 0xff, length & 0xff];
  const list = certificates.flatMap((certificate) => [...u24(certificate.length), ...certificate]);
  return [11, ...u24(list.length + 3), ...u24(list.length), ...list];
}

/** The native socket and its far end. */
export class FakeTcp implements Tcp {
  static last: FakeTcp | undefined;
  /** What an exception out of a callback would have aborted. */
  static readonly aborts: unknown[] = [];
  static room = 1536;
  readonly options: TcpOptions;
  readonly sent: Uint8Array[] = [];
  closed = false;
  #incoming: number[] = [];
  #room = 0;

  constructor(options: TcpOptions) {
    if (options.address === "0.0.0.0") throw new Error("invalid address");
    this.options = options;
    FakeTcp.last = this;
  }

  read(target: Uint8Array): void {
    if (this.closed) throw new SyntaxError("C: xsGetHostData: invalid host data");
    if (target.length > this.#incoming.length) throw new Error("invalid");
    target.set(this.#incoming.splice(0, target.length));
  }

  write(bytes: Uint8Array): number {
    if (this.closed) throw new SyntaxError("C: xsGetHostData: invalid host data");
    if (bytes.length > this.#room) throw new Error("would block");
    this.sent.push(bytes.slice());
    this.#room -= bytes.length;
    return this.#room;
  }

  close(): void {
    this.closed = true;
  }

  /** There is room for `room` bytes more. */
  writable(room = FakeTcp.room): void {
    this.#room = room;
    this.#native(() => this.options.onWritable(room));
  }

  receive(...bytes: Uint8Array[]): void {
    for (const part of bytes) this.#incoming.push(...part);
    this.#native(() => this.options.onReadable(this.#incoming.length));
  }

  fail(): void {
    this.#native(() => this.options.onError());
  }

  #native(callback: () => void): void {
    if (this.closed) return;
    try {
      callback();
    } catch (error) {
      FakeTcp.aborts.push(error);
    }
  }
}

interface SocketBelow {
  readable: number;
  writable: number;
  read(target: Uint8Array): void;
  write(bytes: Uint8Array): number;
  close(): void;
}

export class FakeTls implements TlsSocket {
  static last: FakeTls | undefined;
  /** What the client sends when TCP is up. */
  static flight: Uint8Array[] = [];
  /** Callbacks of the timer that TLSSocket sets for itself. */
  static readonly ownTimers: (() => void)[] = [];
  readonly options: TlsSocketOptions;
  #below: SocketBelow;
  #ready = false;
  #greeted = false;
  #data: Uint8Array | undefined;

  constructor(options: TlsSocketOptions) {
    this.options = options;
    FakeTls.last = this;
    const Below = options.TCP.io as unknown as new (options: object) => SocketBelow;
    this.#below = new Below({
      ...options,
      onReadable: (count: number) => this.#readable(count),
      onWritable: (room: number) => this.#writable(room),
      onError: () => options.onError(),
    });
    this.#below.readable = this.#below.writable = 0;
  }

  read(target: Uint8Array): number | undefined {
    const data = this.#data;
    if (!data) return undefined;
    const count = Math.min(target.length, data.length);
    target.set(data.subarray(0, count));
    this.#data = count < data.length ? data.subarray(count) : undefined;
    if (!this.#data && this.#below.readable) {
      FakeTls.ownTimers.push(() => this.#readable(this.#below.readable));
    }
    return count;
  }

  write(bytes: Uint8Array): number {
    this.#below.writable = this.#below.write(record(Content.DATA, ...bytes));
    return Math.max(0, this.#below.writable - 32);
  }

  close(): void {
    this.#below.close();
  }

  #writable(room: number): void {
    this.#below.writable = room;
    if (this.#ready) {
      if (room > 96) this.options.onWritable(room - 96);
      return;
    }
    if (this.#greeted) return;
    this.#greeted = true;
    for (const packet of FakeTls.flight) {
      this.#below.write(packet);
      this.#below.writable -= packet.length;
    }
  }

  #readable(count: number): void {
    this.#below.readable = count;
    if (this.#data) return;
    while (this.#below.readable && !this.#data) this.#take();
  }

  #take(): void {
    const header = this.#bytes(5);
    const body = this.#bytes(((header[3] as number) << 8) | (header[4] as number));
    switch (header[0]) {
      case Content.ALERT:
        if (body[1] !== 0) throw new Error(`alert: ${body[0]}, ${body[1]}`);
        if (this.#ready) this.options.onError();
        else this.#done();
        break;
      case Content.CCS:
        this.#done();
        break;
      case Content.HANDSHAKE:
        if (body[0] === 11) throw new Error("certificate: auth err");
        break;
      case Content.DATA:
        this.#data = body;
        this.options.onReadable(body.length);
        break;
      default:
        throw new Error("recordProtocol: bad data");
    }
  }

  #done(): void {
    this.#ready = true;
    this.#writable(this.#below.writable);
  }

  #bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    this.#below.read(bytes);
    this.#below.readable -= count;
    return bytes;
  }
}
