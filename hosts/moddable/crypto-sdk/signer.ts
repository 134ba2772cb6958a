// SPDX-License-Identifier: MIT
import { symmetricKeyBytes } from "../../../src/azure/symmetric-key";
import type { Signer } from "../../../src/host";

/** HMAC-SHA256 under one key; what is needed of `hmac`. */
export interface KeyedHash {
  process(message: Uint8Array): ArrayBuffer;
}

/** HMAC-SHA256 in script. The key stays inside: neither a property nor a message shows it. */
export class HmacSigner implements Signer {
  readonly #hash: KeyedHash;

  /**
   * @param base64Key the device's symmetric key as Azure shows it
   * @param keyed makes the hash and keeps no reference to the key, which is wiped afterwards
   * @throws BerthError `invalid-argument` when the key is not base64 or not 16 to 64 bytes long
   */
  constructor(base64Key: string, keyed: (key: Uint8Array) => KeyedHash) {
    const key = symmetricKeyBytes(base64Key);
    try {
      this.#hash = keyed(key);
    } finally {
      key.fill(0);
    }
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(this.#hash.process(message));
  }
}
