// SPDX-License-Identifier: MIT

/** Bytes as TLS takes them. A host buffer (a resource in flash) is an `ArrayBuffer` to TypeScript. */
export type Bytes = ArrayBuffer | Uint8Array;

/** The device's certificate with its private key. */
export interface ClientCertificate {
  /** Leaf first, DER. */
  readonly chain: readonly Bytes[];
  /** PKCS#8, DER. TLS in C overwrites it with zeros once it has a copy. */
  readonly key: Bytes;
}
