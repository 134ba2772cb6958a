// SPDX-License-Identifier: MIT
import type { TextCodec } from "../../src/host";

const encoder = new TextEncoder();
// A byte order mark is data in MQTT (section 1.5.3): it must come back as it went in.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 by Node's own codec. `decode` throws a TypeError on bytes that are not well-formed UTF-8. */
export const text: TextCodec = Object.freeze({
  encode: (value: string): Uint8Array => encoder.encode(value),
  encodeInto: (value: string, target: Uint8Array, at: number): number => {
    const { read, written } = encoder.encodeInto(value, target.subarray(at));
    // As many characters as bytes: all of them, for all were ASCII.
    return read === written || read === value.length ? written : -1;
  },
  decode: (bytes: Uint8Array): string => decoder.decode(bytes),
});
