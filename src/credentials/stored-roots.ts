// SPDX-License-Identifier: MIT
/** The body of a record of delivered roots: the counter (4 bytes, big-endian), then the roots as byte-parts.ts has them. */
import { joinParts, splitParts } from "./byte-parts";
import { type RecordCodec, RecordKind } from "../storage/record";

/** Roots that were delivered. */
export interface StoredRoots {
  /** 1 to 4,294,967,295; a bundle replaces those with a lower one. */
  readonly counter: number;
  /** DER. */
  readonly roots: readonly Uint8Array[];
}

const COUNTER = 4;

export const ROOT_BUNDLE: RecordCodec<StoredRoots> = Object.freeze({
  kind: RecordKind.ROOTS,
  encode({ counter, roots }: StoredRoots): Uint8Array {
    const parts = joinParts(roots);
    const body = new Uint8Array(COUNTER + parts.length);
    new DataView(body.buffer).setUint32(0, counter);
    body.set(parts, COUNTER);
    return body;
  },
  decode(body: Uint8Array): StoredRoots | undefined {
    if (body.length < COUNTER) return undefined;
    const roots = splitParts(body.subarray(COUNTER));
    return roots && { counter: new DataView(body.buffer, body.byteOffset).getUint32(0), roots };
  },
});
