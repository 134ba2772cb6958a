// SPDX-License-Identifier: MIT
import type { TextCodec } from "../../../src/host";
import { checkDecoded } from "../../../src/utf8";

/** Defined by the program, from the engine's own sources. */
interface TextGlobals {
  readonly TextEncoder: new () => {
    encode(text: string): Uint8Array;
    encodeInto(text: string, target: Uint8Array): { read: number; written: number };
  };
  readonly TextDecoder: new (
    label: "utf-8",
    options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
}

const { TextEncoder, TextDecoder } = globalThis as unknown as TextGlobals;
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The engine's own UTF-8. */
export const text: TextCodec = {
  encode: (value) => encoder.encode(value),
  encodeInto: (value, target, at) => {
    const { read, written } = encoder.encodeInto(value, target.subarray(at));
    // As many characters as bytes: all of them, for all were ASCII.
    return read === written || read === value.length ? written : -1;
  },
  decode: (bytes) => {
    const value = strict.decode(bytes);
    return value.length === bytes.length ? value : checkDecoded(value, bytes);
  },
};

/** For what is shown: bytes that are no UTF-8 become U+FFFD. */
export function shown(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}
