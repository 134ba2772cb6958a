// SPDX-License-Identifier: MIT

/** What stands in front of the signature in a SAS token ("sig=", see src/azure/sas.ts). */
const FIELD: readonly number[] = Object.freeze([0x73, 0x69, 0x67, 0x3d]);
const ASTERISK = 0x2a;

/** Overwrites the signatures of SAS tokens in a stream of bytes. Lengths stay, so that the stream can still be decoded. */
export class SignatureMask {
  /** Bytes of `FIELD` that were just seen; all of them inside a signature. */
  #matched = 0;

  /** A copy of the next `bytes` of the stream, masked. A token may lie in several pieces. */
  mask(bytes: Uint8Array): Uint8Array {
    const masked = new Uint8Array(bytes);
    for (let i = 0; i < masked.length; i += 1) {
      const byte = masked[i] as number;
      if (this.#matched === FIELD.length && ofSignature(byte)) masked[i] = ASTERISK;
      else this.#matched = this.#next(byte);
    }
    return masked;
  }

  #next(byte: number): number {
    if (byte === FIELD[this.#matched]) return this.#matched + 1;
    return byte === FIELD[0] ? 1 : 0;
  }
}

/** Base64, percent-encoded or not. */
function ofSignature(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x25 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2f ||
    byte === 0x3d ||
    byte === 0x5f
  );
}
