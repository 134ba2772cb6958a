// SPDX-License-Identifier: MIT
/** The body of a certificate's record: private key, then the chain, leaf first, as byte-parts.ts has them. */
import { joinParts, splitParts } from "./byte-parts";
import { type RecordCodec, RecordKind } from "../storage/record";

/** A certificate with its key; without a chain a key for which none has been issued yet. */
export interface StoredCertificate {
  /** PKCS #8, DER. */
  readonly key: Uint8Array;
  /** Leaf first, DER. */
  readonly chain: readonly Uint8Array[];
}

export const ISSUED_CERTIFICATE: RecordCodec<StoredCertificate> = Object.freeze({
  kind: RecordKind.CERTIFICATE,
  encode: ({ key, chain }: StoredCertificate): Uint8Array => joinParts([key, ...chain]),
  decode(body: Uint8Array): StoredCertificate | undefined {
    const [key, ...chain] = splitParts(body) ?? [];
    return key && { key, chain };
  },
});
