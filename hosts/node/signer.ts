// SPDX-License-Identifier: MIT
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { BerthError } from "../../src/error";
import type { Signer } from "../../src/host";

/** DPS takes symmetric keys of 16 to 64 bytes ("Symmetric key attestation", Azure DPS documentation). */
const SHORTEST_KEY = 16;
const LONGEST_KEY = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** HMAC-SHA256 by Node's crypto. The key stays inside: neither a property nor a message shows it. */
export class NodeSigner implements Signer {
  readonly #key: KeyObject;

  /**
   * @param base64Key the device's (or a group's) symmetric key as Azure shows it; surrounding white space is dropped.
   * @throws BerthError `invalid-argument` when it is not base64 or not 16 to 64 bytes long.
   */
  constructor(base64Key: string) {
    const key = base64Key.trim();
    if (key === "" || !BASE64.test(key)) {
      throw new BerthError(
        "invalid-argument",
        "the symmetric key is not base64; copy the whole Primary Key of the enrollment, with its final '='",
      );
    }
    const bytes = Buffer.from(key, "base64");
    if (bytes.length < SHORTEST_KEY || bytes.length > LONGEST_KEY) {
      const length = bytes.length;
      bytes.fill(0);
      throw new BerthError(
        "invalid-argument",
        `the symmetric key has ${length} bytes; Azure's have ${SHORTEST_KEY} to ${LONGEST_KEY}`,
      );
    }
    this.#key = createSecretKey(bytes);
    bytes.fill(0);
  }

  sign(message: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(message).digest();
  }
}
