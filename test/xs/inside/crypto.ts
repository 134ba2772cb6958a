// SPDX-License-Identifier: MIT
/** Stands in for `node:crypto` inside XS: asks Node. */
import { Buffer } from "buffer/";
import { hmac } from "./bridge";

class Hmac {
  readonly #key: Uint8Array;
  readonly #parts: Uint8Array[] = [];

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  update(data: Uint8Array | string): this {
    this.#parts.push(typeof data === "string" ? new TextEncoder().encode(data) : data);
    return this;
  }

  digest(encoding?: "base64"): Uint8Array | string {
    const digest = Buffer.from(hmac(this.#key, Buffer.concat(this.#parts)));
    return encoding ? digest.toString(encoding) : digest;
  }
}

export function createHmac(algorithm: string, key: Uint8Array | string): Hmac {
  if (algorithm !== "sha256") throw new Error(`no ${algorithm} here`);
  return new Hmac(typeof key === "string" ? new TextEncoder().encode(key) : key);
}
