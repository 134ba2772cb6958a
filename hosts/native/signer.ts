// SPDX-License-Identifier: MIT
import { symmetricKeyBytes } from "../../src/azure/symmetric-key";
import { BerthError } from "../../src/error";
import type { Signer } from "../../src/host";
import { nativeError } from "./errors";
import type { EfuseHmacClass, Hmac, HmacClass } from "./natives";

const CODE_LENGTH = 32;

/** HMAC-SHA256 by the chip's SHA unit, or mbedTLS. The key stays in C: neither a property nor a message shows it. */
export class NativeSigner implements Signer {
  readonly #hmac: Hmac;

  /**
   * @param base64Key the device's symmetric key as Azure shows it
   * @throws BerthError `invalid-argument` when it is not base64 or not 16 to 64 bytes long; `out-of-memory`
   */
  constructor(base64Key: string, Native: { readonly io: HmacClass }) {
    const key = symmetricKeyBytes(base64Key);
    try {
      this.#hmac = new Native.io(key);
    } catch (error) {
      throw nativeError(error);
    } finally {
      key.fill(0);
    }
  }

  sign(message: Uint8Array): Uint8Array {
    const code = new Uint8Array(CODE_LENGTH);
    this.#hmac.sign(message, code);
    return code;
  }
}

/** HMAC-SHA256 by the HMAC peripheral, under a key in eFuse that no software can read. */
export class EfuseSigner implements Signer {
  readonly #hmac: Hmac;

  /**
   * @param block KEY block of eFuse that holds the key, 0 to 5
   * @throws BerthError `invalid-argument` for another block, where the chip has no HMAC peripheral, and where the
   *   block holds no key with purpose HMAC_UP; `out-of-memory`
   */
  constructor(block: number, Native: { readonly io: EfuseHmacClass }) {
    if (!Number.isInteger(block) || block < 0 || block > 5) {
      throw new BerthError("invalid-argument", `${block} is no KEY block of eFuse: 0 to 5`);
    }
    try {
      this.#hmac = new Native.io(block);
      // Tells at the start what would be told at the first connection only.
      this.#hmac.sign(new Uint8Array(1), new Uint8Array(CODE_LENGTH));
    } catch (error) {
      throw nativeError(error);
    }
  }

  sign(message: Uint8Array): Uint8Array {
    const code = new Uint8Array(CODE_LENGTH);
    this.#hmac.sign(message, code);
    return code;
  }
}
