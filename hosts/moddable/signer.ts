// SPDX-License-Identifier: MIT
import { BerthError } from "../../src/error";
import type { Signer } from "../../src/host";

/** HMAC-SHA256 under one key; what is needed of `hmac`. */
export interface KeyedHash {
  process(message: Uint8Array): ArrayBuffer;
}

/** Of ECMAScript 2026, present on XS; the libraries of TypeScript that the SDK selects do not declare it. */
interface Base64Reader {
  fromBase64(text: string): Uint8Array;
}

/** DPS takes symmetric keys of 16 to 64 bytes ("Symmetric key attestation", Azure DPS documentation). */
const SHORTEST_KEY = 16;
const LONGEST_KEY = 64;

/** HMAC-SHA256 in software. The key stays inside: neither a property nor a message shows it. */
export class HmacSigner implements Signer {
  readonly #hash: KeyedHash;

  /**
   * @param base64Key the device's symmetric key as Azure shows it
   * @param keyed makes the hash and keeps no reference to the key, which is wiped afterwards
   * @throws BerthError `invalid-argument` when the key is not base64 or not 16 to 64 bytes long
   */
  constructor(base64Key: string, keyed: (key: Uint8Array) => KeyedHash) {
    const key = decodeKey(base64Key);
    try {
      if (key.length < SHORTEST_KEY || key.length > LONGEST_KEY) {
        throw new BerthError(
          "invalid-argument",
          `the symmetric key has ${key.length} bytes; Azure's have ${SHORTEST_KEY} to ${LONGEST_KEY}`,
        );
      }
      this.#hash = keyed(key);
    } finally {
      key.fill(0);
    }
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(this.#hash.process(message));
  }
}

function decodeKey(base64Key: string): Uint8Array {
  try {
    return (Uint8Array as unknown as Base64Reader).fromBase64(base64Key);
  } catch {
    // The error of the engine could show a part of the key.
    throw new BerthError("invalid-argument", "the symmetric key is not base64; copy the whole Primary Key");
  }
}
