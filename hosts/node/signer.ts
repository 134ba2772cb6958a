// SPDX-License-Identifier: MIT
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { symmetricKeyBytes } from "../../src/azure/symmetric-key";
import type { Signer } from "../../src/host";

/** HMAC-SHA256 by Node's crypto. The key stays inside: neither a property nor a message shows it. */
export class NodeSigner implements Signer {
  readonly #key: KeyObject;

  /**
   * @param base64Key the device's (or a group's) symmetric key as Azure shows it; surrounding white space is dropped.
   * @throws BerthError `invalid-argument` when it is not base64 or not 16 to 64 bytes long.
   */
  constructor(base64Key: string) {
    const bytes = symmetricKeyBytes(base64Key.trim());
    this.#key = createSecretKey(bytes);
    bytes.fill(0);
  }

  sign(message: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(message).digest();
  }
}
