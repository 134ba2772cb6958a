// SPDX-License-Identifier: MIT
import { BerthError } from "../../src/error";
import type { Clock, TimerHandle, Timers, Transport, TransportOptions } from "../../src/host";
import { type ConnectTo, connectTarget, locate, type Resolve } from "../sockets/connect-to";
import { Phase, type Tcp, type TcpClass, type Tunnel } from "../sockets/tcp";
import { engineError } from "./errors";
import { type TlsEngine, TlsState } from "./natives";
import type { NativeTls } from "./tls";

/** What the transport takes beside the core's options. */
export interface NativeTransportOptions extends TransportOptions {
  readonly tls: NativeTls;
  readonly TCP: { readonly io: TcpClass };
  readonly resolve: Resolve;
  readonly timers: Timers;
  readonly clock: Clock;
  /** Addresses to use instead of what a server's name resolves to. */
  readonly connectTo?: readonly ConnectTo[] | undefined;
  /** What connections go through below TLS, a proxy. */
  readonly tunnel?: Tunnel | undefined;
  /** Told once open, for logs: "TLSv1.2", the suite, and whether the session was resumed. */
  readonly onSecure?: ((version: string, suite: string, resumed: boolean) => void) | undefined;
}

/** Bytes moved between TCP and the engine at a time. */
const CHUNK = 1024;
/** How long one of several addresses may take until the next one is tried, milliseconds. */
const ADDRESS_TIMEOUT = 8_000;

/**
 * A TLS byte stream: mbedTLS in C, on the ECMA-419 TCP socket of the platform. Every callback that native code calls
 * is guarded: nothing is thrown into it.
 *
 * `onError` gets a BerthError: `dns-failed`, `connect-failed`, those of its tunnel, `clock-not-set`, `invalid-argument`, `tls-untrusted`,
 * `tls-expired`, `tls-name-mismatch`, `tls-client-certificate`, `tls-failed`, `out-of-memory` or `connection-lost`. It comes after all
 * that was received is read, unless the core reads no more.
 */
export class NativeTransport implements Transport {
  readonly #options: NativeTransportOptions;
  readonly #chunk = new Uint8Array(CHUNK);
  #engine: TlsEngine | undefined;
  #tcp: Tcp | undefined;
  #phase: Phase = Phase.CONNECTING;
  /** Bytes that wait in TCP, and that it takes. */
  #readable = 0;
  #tcpRoom = 0;
  #ended = false;
  /** The core has read since it was told that it can. */
  #read = false;
  /** The core has filled the room, and is to be told when there is some again. */
  #full = false;
  #timer: TimerHandle | undefined;
  /** Addresses of the server that are not tried yet. */
  #others: readonly string[] = [];
  #addressTimer: TimerHandle | undefined;
  #failed = false;
  #closed = false;

  constructor(options: NativeTransportOptions) {
    this.#options = options;
    // Later, so that no callback comes from inside the constructor.
    this.#later(() => this.#locate());
  }

  read(target: Uint8Array): number {
    const engine = this.#engine;
    if (!engine || this.#failed || this.#phase !== Phase.UP || target.length === 0) return 0;
    let count = engine.read(target);
    while (count === 0 && this.#takeIn(engine)) {
      if (engine.advance() !== TlsState.OPEN) break;
      count = engine.read(target);
    }
    // The end of the connection, and what TLS itself has to say, must not wait for the next packet of TCP.
    const ended = count === 0 && (this.#ended || engine.advance() === TlsState.FAILED);
    if (count > 0) this.#read = true;
    if (ended || engine.pending() > 0 || (count > 0 && this.#readable > 0)) this.#later(() => this.#pump());
    return count;
  }

  /** @throws BerthError `closed` before the connection is up or after its end, `invalid-argument` over the room, `connection-lost` */
  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const engine = this.#engine;
    if (!engine || this.#failed || this.#phase !== Phase.UP) {
      throw new BerthError("closed", "the connection is not up");
    }
    if (!engine.write(bytes, start, end)) {
      const code = engine.failureCode();
      if (code) throw engineError(code, engine.failureText());
      throw new BerthError("invalid-argument", `${end - start} bytes written where ${engine.room()} fit`);
    }
    this.#giveOut(engine);
    this.#full = engine.pending() > 0;
    return engine.room();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  get #live(): boolean {
    return !this.#closed && !this.#failed;
  }

  #locate(): void {
    const { tunnel, resolve } = this.#options;
    const from = tunnel ? { host: tunnel.host, port: tunnel.port, resolve } : this.#options;
    locate(from, (addresses, port, name) =>
      this.#guarded(() => {
        if (addresses.length === 0) throw new BerthError("dns-failed", tunnel ? `the proxy ${name}` : name);
        const { host, tls, clock } = this.#options;
        // Certificates are judged by the date.
        const now = clock.now();
        if (now === undefined) throw new BerthError("clock-not-set");
        this.#engine = tls.open(host, now);
        this.#open(addresses, port);
      }),
    );
  }

  #open([address = "", ...others]: readonly string[], port: number): void {
    const { TCP, timers, tunnel, host, connectTo = [] } = this.#options;
    this.#others = others;
    const next = (): void => this.#open(others, port);
    const options = {
      address,
      port,
      nodelay: true,
      onReadable: (count: number) =>
        this.#guarded(() => {
          this.#readable = count;
          this.#pump();
        }),
      onWritable: (room: number) =>
        this.#guarded(() => {
          this.#tcpRoom = room;
          if (this.#phase === Phase.CONNECTING) {
            this.#phase = Phase.HANDSHAKE;
            this.#forgetAddresses();
          }
          this.#pump();
        }),
      onError: (error?: unknown) => this.#guarded(() => this.#tcpEnded(error, next)),
    };
    if (others.length > 0) {
      this.#addressTimer = timers.set(() => this.#guarded(() => this.#tryNext(next)), ADDRESS_TIMEOUT);
    }
    try {
      if (tunnel) {
        const target = connectTarget(connectTo, host, this.#options.port);
        this.#tcp = tunnel.open(TCP, { host: target.address, port: target.port }, options);
      } else this.#tcp = new TCP.io(options);
    } catch (error) {
      if (others.length > 0) this.#tryNext(next);
      else throw new BerthError("connect-failed", messageOf(error));
    }
  }

  #tryNext(next: () => void): void {
    this.#forgetAddresses();
    const tcp = this.#tcp;
    this.#tcp = undefined;
    tcp?.close();
    next();
  }

  #forgetAddresses(): void {
    if (this.#addressTimer !== undefined) this.#options.timers.clear(this.#addressTimer);
    this.#addressTimer = undefined;
    this.#others = [];
  }

  #tcpEnded(error: unknown, next: () => void): void {
    // A tunnel's word; to its other addresses it would be the same, unless it was not reached.
    const told = error instanceof BerthError ? error : undefined;
    if (this.#phase === Phase.CONNECTING) {
      if (this.#others.length > 0 && (told?.code ?? "connect-failed") === "connect-failed") {
        this.#tryNext(next);
        return;
      }
      throw told ?? new BerthError("connect-failed");
    }
    this.#ended = true;
    this.#tcpRoom = 0;
    this.#pump();
  }

  /** Moves what can be moved, and tells the core. */
  #pump(): void {
    const engine = this.#engine;
    if (!engine || this.#phase === Phase.CONNECTING) return;
    let state: number;
    let moved: boolean;
    do {
      moved = this.#takeIn(engine);
      // What TCP still holds comes first.
      if (this.#ended && this.#readable === 0) engine.endOfInput();
      state = engine.advance();
      moved = this.#giveOut(engine) || moved;
    } while (moved && state !== TlsState.FAILED && engine.readable() === 0);
    if (state === TlsState.FAILED) {
      this.#fail(engineError(engine.failureCode(), engine.failureText()));
      return;
    }
    if (state !== TlsState.OPEN) return;
    this.#tell(engine);
  }

  #tell(engine: TlsEngine): void {
    const { onWritable, onReadable, onSecure } = this.#options;
    if (this.#phase !== Phase.UP) {
      this.#phase = Phase.UP;
      onSecure?.(engine.version(), engine.suite(), engine.resumed());
      onWritable(engine.room());
    } else if (this.#full && engine.pending() === 0) {
      this.#full = false;
      onWritable(engine.room());
    }
    if (!this.#live) return;
    const count = engine.readable();
    if (count === 0) return;
    this.#read = false;
    onReadable(count);
    if (this.#ended) this.#later(() => this.#afterEnd());
  }

  /**
   * TCP has ended and calls no more. A core that reads nothing waits for room to answer in, which never comes: it is
   * told of the end though bytes wait.
   */
  #afterEnd(): void {
    if (!this.#read) throw new BerthError("connection-lost", "the server closed the connection");
    this.#pump();
  }

  /** From TCP into the engine. @returns whether anything moved */
  #takeIn(engine: TlsEngine): boolean {
    let moved = false;
    while (this.#readable > 0) {
      const size = Math.min(this.#readable, engine.inputRoom(), CHUNK);
      if (size === 0) break;
      const part = size === CHUNK ? this.#chunk : this.#chunk.subarray(0, size);
      const got = this.#tcp?.read(part);
      const count = typeof got === "number" ? got : size;
      this.#readable = count === 0 ? 0 : this.#readable - count;
      engine.feed(this.#chunk, 0, count);
      moved ||= count > 0;
    }
    return moved;
  }

  /** From the engine into TCP. @returns whether anything moved */
  #giveOut(engine: TlsEngine): boolean {
    let moved = false;
    while (this.#tcpRoom > 0) {
      const count = engine.drain(this.#chunk, Math.min(this.#tcpRoom, CHUNK));
      if (count === 0) break;
      const room = this.#tcp?.write(this.#chunk.subarray(0, count));
      this.#tcpRoom = typeof room === "number" ? room : 0;
      moved = true;
    }
    return moved;
  }

  /** Does `work` a moment later; one piece of work at a time waits. */
  #later(work: () => void): void {
    if (this.#timer !== undefined || !this.#live) return;
    this.#timer = this.#options.timers.set(() => {
      this.#timer = undefined;
      this.#guarded(work);
    }, 0);
  }

  /** Native code calls this: whatever `work` throws ends the connection. */
  #guarded(work: () => void): void {
    if (!this.#live) return;
    try {
      work();
    } catch (error) {
      this.#fail(error instanceof BerthError ? error : new BerthError("internal", messageOf(error)));
    }
  }

  #fail(error: BerthError): void {
    if (!this.#live) return;
    this.#failed = true;
    this.#release();
    try {
      this.#options.onError(error);
    } catch {
      // Nothing may escape into native code; the core guards itself.
    }
  }

  #release(): void {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
    this.#forgetAddresses();
    const engine = this.#engine;
    const tcp = this.#tcp;
    this.#chunk.fill(0);
    try {
      if (engine && tcp) {
        // close_notify, or the alert that says what was wrong.
        engine.finish();
        this.#giveOut(engine);
      }
    } catch {
      // The connection ends either way.
    }
    this.#engine = this.#tcp = undefined;
    try {
      engine?.close();
      tcp?.close();
    } catch {
      // It is closed as far as it goes.
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
