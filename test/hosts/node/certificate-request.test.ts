// SPDX-License-Identifier: MIT
/** Keys and requests of Node's host, before foreign judges. Those of TLS in C: test/hosts/native/ec-keys.test.ts. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { ecKeys } from "../../../hosts/node/ec-keys";
import { text } from "../../../hosts/node/text";
import { certificateRequest, pointOf, publicKeyInfo } from "../../../src/x509/certificate-request";
import { judgeRequest } from "../../helpers/certificate-judges";
import { thrownCode } from "../../helpers/thrown";

describe("a key of Node's host", () => {
  test("is PKCS #8 on P-256 with its own public point", () => {
    const key = ecKeys.generate();
    const node = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
    expect(node.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    const spki = createPublicKey(node).export({ format: "der", type: "spki" });
    expect(new Uint8Array(spki)).toEqual(publicKeyInfo(pointOf(key)));
  });

  test("signs what its public point verifies, and nothing else", () => {
    const [key, other] = [ecKeys.generate(), ecKeys.generate()];
    const [message, changed] = [text.encode("message"), text.encode("massage")];
    const signature = ecKeys.sign(key, message);
    expect(ecKeys.verify(pointOf(key), message, signature)).toBe(true);
    expect(ecKeys.verify(pointOf(other), message, signature)).toBe(false);
    expect(ecKeys.verify(pointOf(key), changed, signature)).toBe(false);
    expect(ecKeys.verify(pointOf(key), message, signature.subarray(1))).toBe(false);
    expect(ecKeys.verify(new Uint8Array(65).fill(4), message, signature)).toBe(false);
    expect(thrownCode(() => ecKeys.sign(key.subarray(1), message))).toBe("invalid-argument");
  });
});

test.each(["device-1", "a".repeat(128), "Sn:1_2.3-4"])("a request for %s", async (name) => {
  const key = ecKeys.generate();
  await judgeRequest(certificateRequest(name, key, ecKeys, text), name, publicKeyInfo(pointOf(key)));
});
