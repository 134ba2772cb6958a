// SPDX-License-Identifier: MIT
/** What is measured of TLS and HMAC. */

/** Bytes of one handshake, above those before the connection was opened. */
export interface Memory {
  /** Of XS, in a heap that grows only when it must: garbage is in it as far as there was room for it. */
  readonly chunks: number;
  readonly slots: number;
  /** Of `malloc`, without the heap of XS. */
  readonly c: number;
}

/** Of one handshake. */
export interface HandshakeCost extends Memory {
  /** Of processor time, the median. */
  readonly microseconds: number;
}

export interface HandshakeFigures {
  /** Of mbedTLS. */
  readonly version: string;
  readonly rounds: number;
  /** Standard names of the suites, by the server's key. */
  readonly suites: { readonly rsa: string; readonly ec: string };
  /** By names as "rsa full". */
  readonly handshakes: Readonly<Record<string, HandshakeCost>>;
  readonly hmac: HmacTimes;
}

/** Microseconds of processor time for one, medians. */
export interface HmacTimes {
  readonly alone: number;
  /** With the key set up anew each time. */
  readonly withKey: number;
}
