// SPDX-License-Identifier: MIT
/** Netstrings, `length:payload,`: the frames between Node and the XS worker. */

/** What one frame may hold at most, bytes. */
const LONGEST = 64 * 1024 * 1024;

/** A frame whose payload is one character and `bytes`. */
export function netstring(kind: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${1 + bytes.length}:${kind}`), bytes, Buffer.from(",")]);
}

/** Takes frames out of chunks of any size. */
export class NetstringReader {
  readonly #onPayload: (payload: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Length of the payload, once known. */
  #wanted = -1;

  /** @param onPayload gets the payload of each frame, to keep */
  constructor(onPayload: (payload: Uint8Array) => void) {
    this.#onPayload = onPayload;
  }

  /** @throws Error for what is no netstring, and what `onPayload` throws */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#next());
  }

  #next(): boolean {
    if (this.#wanted < 0) {
      const head = this.#joined();
      const colon = head.indexOf(0x3a);
      if (colon < 0 && head.length < 10) return false;
      const digits = colon < 0 ? "" : Buffer.from(head.subarray(0, colon)).toString("latin1");
      if (!/^[0-9]{1,9}$/.test(digits) || Number(digits) > LONGEST) throw new Error("no netstring");
      this.#wanted = Number(digits);
      this.#keep(head.subarray(colon + 1));
    }
    if (this.#length <= this.#wanted) return false;
    const bytes = this.#joined();
    if (bytes[this.#wanted] !== 0x2c) throw new Error("no netstring: its comma is missing");
    const payload = bytes.slice(0, this.#wanted);
    this.#keep(bytes.subarray(this.#wanted + 1));
    this.#wanted = -1;
    this.#onPayload(payload);
    return this.#length > 0;
  }

  #joined(): Uint8Array {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = rest.length ? [rest] : [];
    this.#length = rest.length;
  }
}
