// SPDX-License-Identifier: MIT
/**
 * The one boundary between the core and the world: what a platform hands in.
 *
 * Shapes follow ECMA-419 where it has one, so that a platform class is passed as `{ io: Class, ...options }`.
 * Everything here is called from one thread. A method may throw; the core turns that into a typed error.
 */
import { isPrintable } from "./characters";
import { BerthError } from "./error";

/** UTF-8 in bulk. Natives do this far cheaper than a loop in script. */
export interface TextCodec {
  /** The UTF-8 bytes of `text`, in a buffer that the caller may keep. */
  encode(text: string): Uint8Array;
  /**
   * Writes the UTF-8 bytes of `text` into `target` from `at` on, where there is room for `text.length` bytes at
   * least: text that is all ASCII always fits.
   * @returns how many bytes, or -1 when they do not fit; what was written then counts for nothing
   */
  encodeInto(text: string, target: Uint8Array, at: number): number;
  /**
   * The text of `bytes`.
   * @throws anything when the bytes are not well-formed UTF-8; the core turns it into `malformed-packet`.
   */
  decode(bytes: Uint8Array): string;
}

/** HMAC-SHA256 under the device's key. It never shows the key, so a key in eFuse fits. */
export interface Signer {
  /** 32 bytes of HMAC-SHA256 over `message`. */
  sign(message: Uint8Array): Uint8Array;
}

/** Characters of a store's key (NVS on ESP32, as its namespaces). */
export const LONGEST_STORE_KEY = 15;
/** Bytes of a store's value (the same). */
export const LONGEST_STORE_VALUE = 4_000;

/**
 * Small values that survive a power cut of the whole device. One write need not be atomic.
 * All stores take and refuse the same keys and values: `checkStoreKey`, `checkStoreValue`.
 */
export interface Store {
  /** The value, or undefined when the key has none. @throws BerthError `invalid-argument` for a bad key */
  read(key: string): Uint8Array | undefined;
  /**
   * Returns once the value is durable; keeps no reference to it.
   * @throws BerthError `invalid-argument` for a bad key or value; `store-failed` when it cannot be written
   */
  write(key: string, value: Uint8Array): void;
  /** Removes the key; a missing key is no error. @throws BerthError `invalid-argument` for a bad key; `store-failed` */
  delete(key: string): void;
}

/** @throws BerthError `invalid-argument` unless `key` has 1 to 15 printable ASCII characters, none of them a blank */
export function checkStoreKey(key: string, what = "key of the store"): void {
  if (key.length > LONGEST_STORE_KEY || key === "" || !isPrintable(key, 0x21)) {
    throw new BerthError(
      "invalid-argument",
      `"${key}" is no ${what}: 1 to ${LONGEST_STORE_KEY} printable ASCII characters without blanks`,
    );
  }
}

/**
 * An empty value does not come back from every flash as it went in.
 * @throws BerthError `invalid-argument` unless `value` has 1 to 4,000 bytes
 */
export function checkStoreValue(key: string, value: Uint8Array): void {
  if (value.length < 1 || value.length > LONGEST_STORE_VALUE) {
    throw new BerthError(
      "invalid-argument",
      `the value for "${key}" has ${value.length} bytes; the store takes 1 to ${LONGEST_STORE_VALUE}`,
    );
  }
}

/** Wall-clock time and monotonic time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z, or undefined while the clock has not been set. */
  now(): number | undefined;
  /** Milliseconds from any fixed start, never going back. */
  ticks(): number;
}

/** What `Timers.set` returns; opaque to the core. */
export type TimerHandle = unknown;

/** One-shot timers. */
export interface Timers {
  /** Calls `callback` once after `delay` milliseconds, never from inside `set`. */
  set(callback: () => void, delay: number): TimerHandle;
  /** Cancels; a timer that has fired or was cancelled before is no error. */
  clear(handle: TimerHandle): void;
}

/** Is there a route to the outside? */
export interface Network {
  isUp(): boolean;
}

/** What the core gives a transport. The names are ECMA-419's (TCP socket, section 10). */
export interface TransportOptions {
  /** DNS name of the server: the name that is resolved, sent as SNI, and that the certificate must carry. */
  readonly host: string;
  readonly port: number;
  /** `count` bytes at least can be read. */
  readonly onReadable: (count: number) => void;
  /** The connection is up (first call) or has room again; `room` bytes can be written. */
  readonly onWritable: (room: number) => void;
  /** The connection failed or the peer ended it. Final: only `close` may follow. A `BerthError` says why. */
  readonly onError: (error?: unknown) => void;
}

/** A TLS byte stream. Callbacks come later, never from inside a method, and not after `close`. */
export interface Transport {
  /** Fills `target` from its start; returns how many bytes, 0 when there are none. */
  read(target: Uint8Array): number;
  /**
   * Sends `bytes` from `start` (default 0) to `end` (default their length), not included: a part by its offsets, for a
   * view would be an object a packet. What is sent must fit the room last told; the bytes are free for reuse on return.
   * Returns the room left.
   */
  write(bytes: Uint8Array, start?: number, end?: number): number;
  /** Releases everything. Idempotent. */
  close(): void;
}

/** A transport class with the options of its platform (roots, client certificate, ...), as ECMA-419 binds sockets. */
export interface TransportBinding {
  readonly io: new (options: never) => Transport;
  readonly [option: string]: unknown;
}

/** Keys on the curve P-256 (secp256r1), for ECDSA with SHA-256. */
export interface EcKeys {
  /** A new private key: PKCS #8 in DER with its public point, 138 bytes. @throws BerthError `internal`, `out-of-memory` */
  generate(): Uint8Array;
  /** A signature in DER. @throws BerthError `invalid-argument` for what `generate` did not give; `internal`, `out-of-memory` */
  sign(key: Uint8Array, message: Uint8Array): Uint8Array;
  /**
   * Does `signature` (DER) hold? @param point the public key: 65 bytes, uncompressed. False for anything else
   * @throws BerthError `out-of-memory`
   */
  verify(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** What a connection shows and trusts in place of what the platform has; DER. */
export interface Trust {
  /** Leaf first, with its private key in PKCS #8. `id` is another for another certificate. */
  readonly certificate?: {
    readonly id: string;
    read(): { readonly chain: readonly Uint8Array[]; readonly key: Uint8Array };
  };
  /** These alone are trusted. */
  readonly roots?: { readonly id: string; read(): readonly Uint8Array[] };
}

/** For devices whose certificate is issued, or whose roots are delivered, in the field. */
export interface CertificateHost {
  readonly keys: EcKeys;
  /** Those that the platform trusts by itself, in date or not; DER. */
  roots(): readonly Uint8Array[];
  /**
   * Options for `transport`, put over its own for one connection. Called for one connection after the other: what the call
   * before has led to may be released.
   * @throws BerthError `invalid-argument` for bytes that cannot be used
   */
  transportOptions(trust: Trust): Readonly<Record<string, unknown>>;
}

/**
 * A part of NOR flash, or what behaves like it: erased by the sector to bytes of 255, and a write turns ones into zeros.
 * A power cut leaves any part of a write or erase done. Each method throws what it likes.
 */
export interface FlashRegion {
  /** From 2. */
  readonly sectors: number;
  /** Bytes of a sector, 256 to 65,536. */
  readonly sectorSize: number;
  erase(sector: number): void;
  /** Fills `target` from `at` on, bytes from the start of the region. */
  read(at: number, target: Uint8Array): void;
  /** Durable on return. */
  write(at: number, bytes: Uint8Array): void;
}

/** All that the agent needs from a platform. */
export interface Host {
  readonly text: TextCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: Store;
  readonly transport: TransportBinding;
  /** A number in [0, 1) from the platform's best random source. */
  readonly random: () => number;
  /** Absent for a device that proves itself with an x.509 client certificate. */
  readonly signer?: Signer;
  /** Absent where the network is always there. */
  readonly network?: Network;
  /** Absent where neither certificates are issued nor roots delivered. */
  readonly certificates?: CertificateHost;
  /** Flash for `outbox.log`, opened when it is needed; absent where there is none. @throws anything */
  readonly log?: () => FlashRegion;
  /**
   * Takes what a device needs to itself, before its life starts: the lock of its directory, the network.
   * @param ready to be called once; with an error nothing starts
   */
  begin?(ready: (error?: unknown) => void): void;
  /** Gives it back, once the device is closed. */
  end?(): void;
}

/**
 * Opens a transport of `binding`.
 * @throws BerthError `invalid-argument` for an empty host or a port out of range, and what the platform's class throws
 */
export function openTransport(binding: TransportBinding, options: TransportOptions): Transport {
  const { host, port } = options;
  if (typeof host !== "string" || host === "") {
    throw new BerthError("invalid-argument", "the server has no name");
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new BerthError("invalid-argument", `${port} is no TCP port`);
  }
  const TransportClass = binding.io as new (all: TransportOptions) => Transport;
  return new TransportClass({ ...binding, ...options });
}
