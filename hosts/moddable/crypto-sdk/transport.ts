// SPDX-License-Identifier: MIT
import { BerthError } from "../../../src/error";
import type { Clock, TimerHandle, Timers, Transport, TransportOptions } from "../../../src/host";
import type { Bytes, ClientCertificate } from "../../sockets/client-certificate";
import { type ConnectTo, locate, type Resolve } from "../../sockets/connect-to";
import { Phase, type TcpClass } from "../../sockets/tcp";
import { type Guard, GuardedTcp } from "./guarded-tcp";
import { connectionEnded, tlsError } from "./tls-errors";
import { TlsWatch } from "./tls-watch";

/** The SDK's ECMA-419 TLSSocket, as far as it is used. */
export interface TlsSocket {
  /** Bytes read; undefined when there are none. */
  read(target: Uint8Array): unknown;
  write(bytes: Uint8Array): unknown;
  close(): void;
}

export type TlsSocketClass = new (options: TlsSocketOptions) => TlsSocket;

/** What TLSSocket takes. All of it is handed on to the class at `TCP.io`. */
export interface TlsSocketOptions {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly secure: {
    readonly cache: false;
    readonly clientCertificates?: readonly Bytes[];
    readonly clientKey?: Bytes;
  };
  readonly TCP: { readonly io: typeof GuardedTcp };
  readonly guard: Guard;
  readonly native: TcpClass;
  readonly onReadable: (count: number) => void;
  readonly onWritable: (room: number) => void;
  readonly onError: () => void;
}

/** What the transport takes beside the core's options. */
export interface SdkTransportOptions extends TransportOptions {
  readonly TLS: { readonly io: TlsSocketClass };
  readonly TCP: { readonly io: TcpClass };
  readonly resolve: Resolve;
  readonly timers: Timers;
  readonly clock: Clock;
  /** Makes the trusted roots known to the TLS. Called before each connection, with the time. */
  readonly trust: (now: number) => void;
  /** Why a connection to this IPv4 address is not allowed, or undefined. */
  readonly refuse: (address: string) => BerthError | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Addresses to use instead of what a server's name resolves to. */
  readonly connectTo?: readonly ConnectTo[] | undefined;
}

/** What a record adds at most with the suites that are offered: header, IV, MAC or tag, padding; bytes. */
const RECORD_OVERHEAD = 96;

/**
 * A TLS byte stream on the ECMA-419 sockets of the SDK, with every callback guarded: nothing that the SDK's TLS
 * throws reaches native code. The name of the server is looked up with the DNS of the network.
 *
 * `onError` gets a BerthError: `dns-failed`, `connect-failed`, `tls-untrusted`, `tls-expired`, `tls-name-mismatch`,
 * `tls-client-certificate`, `tls-failed`, `clock-not-set`, `connection-lost`, or what `refuse` says.
 */
export class SdkTransport implements Transport {
  readonly #options: SdkTransportOptions;
  readonly #watch = new TlsWatch();
  #phase: Phase = Phase.CONNECTING;
  #tls: TlsSocket | undefined;
  #tcp: GuardedTcp | undefined;
  #timer: TimerHandle | undefined;
  #failed = false;
  #closed = false;

  constructor(options: SdkTransportOptions) {
    this.#options = options;
    // Later, so that no callback comes from inside the constructor.
    this.#timer = options.timers.set(() => this.#attempt(() => this.#locate()), 0);
  }

  read(target: Uint8Array): number {
    const tls = this.#tls;
    const tcp = this.#tcp;
    if (!tls || !tcp || target.length === 0) return 0;
    const count = tcp.quietly(() => tls.read(target));
    if (tcp.readable > 0 && this.#timer === undefined) {
      this.#timer = this.#options.timers.set(() => {
        this.#timer = undefined;
        tcp.pump();
      }, 0);
    }
    return typeof count === "number" ? count : 0;
  }

  /** @throws BerthError `closed` before the connection is up or after its end, and what the TLS throws */
  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    if (!this.#tls || this.#phase !== Phase.UP) throw new BerthError("closed", "the connection is not up");
    // The SDK takes no offsets.
    this.#tls.write(bytes.subarray(start, end));
    return this.#room;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  get #room(): number {
    return Math.max(0, (this.#tcp?.writable ?? 0) - RECORD_OVERHEAD);
  }

  #locate(): void {
    this.#timer = undefined;
    locate(this.#options, (address, port, name) =>
      this.#attempt(() => {
        if (address === undefined) throw new BerthError("dns-failed", name);
        this.#open(address, port);
      }),
    );
  }

  #open(address: string, port: number): void {
    const { host, TLS, TCP, clock, trust, refuse, clientCertificate } = this.#options;
    const refusal = refuse(address);
    if (refusal) throw refusal;
    // Certificates are judged by the date.
    const now = clock.now();
    if (now === undefined) throw new BerthError("clock-not-set");
    trust(now);
    this.#tls = new TLS.io({
      host,
      address,
      port,
      secure: {
        // Resumption would keep secrets in a list of the module, for as long as the device runs.
        cache: false,
        ...(clientCertificate && {
          clientCertificates: clientCertificate.chain,
          clientKey: clientCertificate.key,
        }),
      },
      TCP: { io: GuardedTcp },
      native: TCP.io,
      guard: {
        watch: this.#watch,
        opened: (tcp) => {
          this.#tcp = tcp;
        },
        connected: () => {
          this.#phase = Phase.HANDSHAKE;
        },
        fail: (error) => this.#fail(this.#explain(error)),
      },
      onReadable: (count) => {
        if (this.#live) this.#options.onReadable(count);
      },
      onWritable: () => {
        if (!this.#live) return;
        if (this.#phase !== Phase.UP) {
          // The SDK's TLS says so after a close_notify in the clear, too.
          if (!this.#watch.encrypted) throw connectionEnded(Phase.HANDSHAKE);
          this.#phase = Phase.UP;
        }
        this.#options.onWritable(this.#room);
      },
      onError: () => this.#fail(connectionEnded(this.#phase)),
    });
  }

  get #live(): boolean {
    return !this.#closed && !this.#failed;
  }

  #explain(error: unknown): BerthError {
    return tlsError(error, {
      phase: this.#phase,
      host: this.#options.host,
      now: this.#options.clock.now(),
      certificates: this.#watch.certificates(),
    });
  }

  #attempt(work: () => void): void {
    if (!this.#live) return;
    try {
      work();
    } catch (error) {
      this.#fail(error instanceof BerthError ? error : new BerthError("connect-failed", String(error)));
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
    this.#watch.forget();
    const tls = this.#tls;
    const tcp = this.#tcp;
    this.#tls = this.#tcp = undefined;
    try {
      tls?.close();
      tcp?.close();
    } catch {
      // It is closed as far as it goes.
    }
  }
}
