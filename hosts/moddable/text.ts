// SPDX-License-Identifier: MIT
import type { TextCodec } from "../../src/host";
import { checkDecoded } from "../../src/utf8";

/** What is needed of `text/decoder`: made with `{ fatal: true, ignoreBOM: true }`. */
export interface StrictDecoder {
  decode(bytes: Uint8Array): string;
}

/**
 * UTF-8 by the natives of XS.
 *
 * `String.fromArrayBuffer` is not used to decode: on XS 8.2.3 it takes overlong forms, surrogates and what lies
 * above U+10FFFF without a word, and it takes no view.
 */
export class ModdableText implements TextCodec {
  readonly #decoder: StrictDecoder;

  /** @param decoder must throw on bytes that are not well-formed and keep a byte order mark */
  constructor(decoder: StrictDecoder) {
    this.#decoder = decoder;
  }

  encode(text: string): Uint8Array {
    // A lone surrogate would come out as three bytes that no receiver takes.
    return new Uint8Array(ArrayBuffer.fromString(text.isWellFormed() ? text : text.toWellFormed()));
  }

  encodeInto(text: string, target: Uint8Array, at: number): number {
    const bytes = this.encode(text);
    if (at + bytes.length > target.length) return -1;
    target.set(bytes, at);
    return bytes.length;
  }

  /** @throws TypeError when `bytes` are not well-formed UTF-8 */
  decode(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes);
    return text.length === bytes.length ? text : checkDecoded(text, bytes);
  }
}
