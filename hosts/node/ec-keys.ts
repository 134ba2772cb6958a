// SPDX-License-Identifier: MIT
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { BerthError } from "../../src/error";
import type { EcKeys } from "../../src/host";
import { ecPrivateKey, isEcPrivateKey, publicKeyInfo } from "../../src/x509/certificate-request";

/** ECDSA by Node's crypto. */
export const ecKeys: EcKeys = Object.freeze({
  generate() {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const { d = "", x = "", y = "" } = privateKey.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    return ecPrivateKey(Buffer.from(d, "base64url"), point);
  },
  sign(key, message) {
    if (!isEcPrivateKey(key)) throw new BerthError("invalid-argument", "no private key on P-256");
    return sign("sha256", Buffer.from(message), {
      key: createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }),
      dsaEncoding: "der",
    });
  },
  verify(point, message, signature) {
    try {
      const key = createPublicKey({ key: Buffer.from(publicKeyInfo(point)), format: "der", type: "spki" });
      return verify("sha256", Buffer.from(message), { key, dsaEncoding: "der" }, Buffer.from(signature));
    } catch {
      // No point of the curve.
      return false;
    }
  },
} satisfies EcKeys);
