// SPDX-License-Identifier: MIT
import { BerthError } from "../../src/error";
import type { EcKeys } from "../../src/host";
import { ecPrivateKey, isEcPrivateKey, scalarOf } from "../../src/x509/certificate-request";
import { nativeError } from "./errors";
import type { EcNatives } from "./natives";

const SCALAR = 32;
const POINT = 65;
const SIGNATURE = 72;

/** ECDSA by mbedTLS. */
export function nativeEcKeys(natives: EcNatives): EcKeys {
  return {
    generate() {
      const scalar = new Uint8Array(SCALAR);
      const point = new Uint8Array(POINT);
      attempt(() => natives.ecGenerate(scalar, point));
      const key = ecPrivateKey(scalar, point);
      scalar.fill(0);
      return key;
    },
    sign(key, message) {
      if (!isEcPrivateKey(key)) throw new BerthError("invalid-argument", "no private key on P-256");
      const signature = new Uint8Array(SIGNATURE);
      return signature.slice(
        0,
        attempt(() => natives.ecSign(scalarOf(key), message, signature)),
      );
    },
    verify: (point, message, signature) => attempt(() => natives.ecVerify(point, message, signature)),
  };
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw nativeError(error);
  }
}
