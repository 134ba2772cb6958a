// SPDX-License-Identifier: MIT
/**
 * Stands between the SDK's TLSSocket and its TCP.
 *
 * TLSSocket throws every failure of a handshake out of the callback of TCP; there is nobody to catch it, and XS
 * aborts. Here every callback that native code calls is caught and becomes one `fail`. TLSSocket also goes on
 * reading from a timer of its own; `quietly` hides what is readable from it, and `pump` does that work guarded.
 * What TLSSocket writes beyond the room of the socket waits here: a client certificate with its intermediate is
 * larger than the room of some sockets.
 */
import type { Tcp, TcpClass, TcpOptions } from "../../sockets/tcp";
import type { TlsWatch } from "./tls-watch";

/** Who hears of failures, and what is watched. */
export interface Guard {
  readonly watch: TlsWatch;
  /** Called with the socket once it exists. */
  opened(tcp: GuardedTcp): void;
  /** TCP is up. */
  connected(): void;
  /** A callback threw. Must not throw. */
  fail(error: unknown): void;
}

/** What TLSSocket hands on: all of its own options, with its callbacks in place of ours. */
export interface GuardedTcpOptions extends TcpOptions {
  readonly guard: Guard;
  readonly native: TcpClass;
}

/** More than a client's flight of the handshake or a record ever is, bytes. */
const LARGEST_QUEUE = 32_768;

export class GuardedTcp {
  readonly #guard: Guard;
  readonly #tcp: Tcp;
  readonly #onReadable: (count: number) => void;
  #readable = 0;
  #room = 0;
  #quiet = false;
  #connected = false;
  #closed = false;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;

  constructor(options: GuardedTcpOptions) {
    const { guard, onReadable, onWritable, onError } = options;
    this.#guard = guard;
    this.#onReadable = onReadable;
    this.#tcp = new options.native({
      address: options.address,
      port: options.port,
      nodelay: true,
      onReadable: (count) =>
        this.#guarded(() => {
          this.#readable = count;
          onReadable(count);
        }),
      onWritable: (room) =>
        this.#guarded(() => {
          this.#room = room;
          if (!this.#connected) {
            this.#connected = true;
            guard.connected();
          }
          if (this.#flush()) onWritable(this.#room);
        }),
      onError: () => this.#guarded(onError),
    });
    guard.opened(this);
  }

  /** TLSSocket keeps its count of readable bytes here. The right one is kept by `read`. */
  get readable(): number {
    return this.#quiet ? 0 : this.#readable;
  }

  set readable(_count: number) {
    // See `read`.
  }

  /** As `readable`: the right count is kept by `write`. */
  get writable(): number {
    return this.#queued > 0 ? 0 : this.#room;
  }

  set writable(_room: number) {
    // See `write`.
  }

  /** Fills `target`, which must not be longer than what is readable. */
  read(target: Uint8Array): void {
    this.#tcp.read(target);
    this.#readable -= target.length;
    this.#guard.watch.received(target);
  }

  /**
   * Sends a record, or queues it until there is room.
   * @returns the room left
   * @throws BerthError `tls-failed` for application data before encryption; Error when too much waits
   */
  write(record: Uint8Array): number {
    this.#guard.watch.sending(record);
    if (this.#queued === 0 && record.length <= this.#room) this.#send(record);
    else {
      if (this.#queued + record.length > LARGEST_QUEUE) throw new Error("too much waits to be sent");
      this.#queue.push(record.slice());
      this.#queued += record.length;
      this.#flush();
    }
    return this.writable;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#tcp.close();
  }

  /** Does `work` while TLSSocket sees nothing readable. */
  quietly<T>(work: () => T): T {
    this.#quiet = true;
    try {
      return work();
    } finally {
      this.#quiet = false;
    }
  }

  /** Lets TLSSocket go on with what is readable. */
  pump(): void {
    this.#guarded(() => {
      if (this.#readable > 0) this.#onReadable(this.#readable);
    });
  }

  #guarded(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.#guard.fail(error);
    }
  }

  #send(bytes: Uint8Array): void {
    const room = this.#tcp.write(bytes);
    // After an error the socket returns undefined, and `onError` follows.
    this.#room = typeof room === "number" && room > 0 ? room : 0;
  }

  /** Sends what waits, as far as there is room. @returns true when nothing waits any longer */
  #flush(): boolean {
    for (let first = this.#queue[0]; first && this.#room > 0; first = this.#queue[0]) {
      const count = Math.min(first.length, this.#room);
      this.#send(first.subarray(0, count));
      this.#queued -= count;
      if (count < first.length) this.#queue[0] = first.subarray(count);
      else this.#queue.shift();
    }
    return this.#queued === 0;
  }
}
