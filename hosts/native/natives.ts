// SPDX-License-Identifier: MIT
/**
 * What the C of this folder offers to script. Arguments go by position: the C needs no names of properties then.
 * Any method of a closed object throws; `close` is idempotent.
 */
import type { Bytes } from "../sockets/client-certificate";

/** Whom the device trusts, who it is, and the sessions it can resume; see tls/berth_tls_context.h. */
export interface TlsContext {
  /** Forgets the sessions that could be resumed. */
  forgetSessions(): void;
  /** Engines that use it keep what they need of it. */
  close(): void;
}

/**
 * Constructors throw an Error whose message errors.ts reads.
 * @param roots DER; bytes in flash are not copied and must stay there
 * @param chain the device's certificate and its intermediates, DER, leaf first
 * @param key PKCS#8 DER; undefined without a chain
 * @param maximumFragment 0, 512, 1024, 2048 or 4096
 * @param sessions to keep, 0 to 2
 * @throws Error that says which of them is wrong
 */
export type TlsContextClass = new (
  roots: readonly Bytes[],
  rootCount: number,
  chain: readonly Bytes[],
  chainCount: number,
  key: Bytes | undefined,
  maximumFragment: number,
  sessions: number,
) => TlsContext;

/** What `advance` returns: berth_tls_state. */
export const TlsState = Object.freeze({ HANDSHAKING: 0, OPEN: 1, FAILED: 2 } as const);

/** One TLS connection without a socket; see tls/berth_tls_client.h. */
export interface TlsEngine {
  /** Takes ciphertext from `start` to `end`; returns how many bytes it took. */
  feed(bytes: Uint8Array, start: number, end: number): number;
  /** TCP has ended. */
  endOfInput(): void;
  /** Goes on; returns a `TlsState`. */
  advance(): number;
  /** Fills `target` from its start with decrypted bytes; returns how many. */
  read(target: Uint8Array): number;
  /** Encrypts `bytes` from `start` to `end`, all of them, or returns false. */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Puts up to `size` bytes of ciphertext at the start of `target`; returns how many. */
  drain(target: Uint8Array, size: number): number;
  /** Says close_notify. */
  finish(): void;
  /** Bytes that `write` takes. */
  room(): number;
  /** Decrypted bytes that wait. */
  readable(): number;
  /** Ciphertext that waits to be drained. */
  pending(): number;
  /** Bytes that `feed` takes. */
  inputRoom(): number;
  /** berth_tls_code; see errors.ts. */
  failureCode(): number;
  failureText(): string;
  /** Once open. */
  resumed(): boolean;
  /** Once open: "TLSv1.2" or "TLSv1.3". */
  version(): string;
  /** Once open: the name of the cipher suite. */
  suite(): string;
  close(): void;
}

/**
 * @param seconds since 1970, by which certificates are judged
 * @param inputSize, outputSize bytes of ciphertext that wait at most; 0: 2,048 and 4,352
 * @throws Error when `host` is no DNS name or IPv4 address, the time is before 2026, or there is no memory
 */
export type TlsEngineClass = new (
  context: TlsContext,
  host: string,
  seconds: number,
  inputSize: number,
  outputSize: number,
) => TlsEngine;

/** HMAC-SHA256. */
export interface Hmac {
  /** Fills the 32 bytes of `code`. */
  sign(message: Uint8Array, code: Uint8Array): void;
}

/** @throws Error for an empty key */
export type HmacClass = new (key: Uint8Array) => Hmac & { close(): void };

/** @param block eFuse KEY block, 0 to 5. @throws Error where the chip has no HMAC peripheral */
export type EfuseHmacClass = new (block: number) => Hmac;

/** Fills all of `target`, 256 bytes at most, with random bytes of the platform. @throws Error */
export type FillRandom = (target: Uint8Array) => void;

/** ECDSA with SHA-256 on P-256; see ec/berth_ec.h. */
export interface EcNatives {
  /** Fills the 32 bytes of a private number and the 65 of its point. @throws Error */
  ecGenerate(scalar: Uint8Array, point: Uint8Array): void;
  /** Fills `signature`, of 72 bytes, from its start; returns how many. @throws Error for what is no private number */
  ecSign(scalar: Uint8Array, message: Uint8Array, signature: Uint8Array): number;
  ecVerify(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

export interface TlsNatives {
  readonly TlsContext: TlsContextClass;
  readonly TlsEngine: TlsEngineClass;
}
