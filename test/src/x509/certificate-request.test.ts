// SPDX-License-Identifier: MIT
/** Requests byte by byte, with a signer that is none: what real signers make of them the hosts' tests ask other judges. */
import { describe, expect, test } from "@jest/globals";
import { nodeText } from "../../../simulator/virtual-host";
import {
  certificateRequest,
  EC_KEY_LENGTH,
  ecPrivateKey,
  isEcPrivateKey,
  pointOf,
  publicKeyInfo,
  scalarOf,
} from "../../../src/x509/certificate-request";
import { Der, TAG } from "../../../src/x509/der";

const scalar = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const point = Uint8Array.from({ length: 65 }, (_, i) => (i === 0 ? 4 : 0x80 + i));
const key = ecPrivateKey(scalar, point);

describe("a private key in PKCS #8", () => {
  test("has its parts where they were put", () => {
    expect(key).toHaveLength(EC_KEY_LENGTH);
    expect(scalarOf(key)).toEqual(scalar);
    expect(pointOf(key)).toEqual(point);
    expect(isEcPrivateKey(key)).toBe(true);
  });

  test("is known by every byte that is not the key's", () => {
    let others = 0;
    for (let i = 0; i < key.length; i += 1) {
      const other = key.slice();
      other[i] = (other[i] as number) ^ 0x10;
      if (!isEcPrivateKey(other)) others += 1;
    }
    expect(others).toBe(EC_KEY_LENGTH - 32 - 65);
    expect(isEcPrivateKey(key.subarray(1))).toBe(false);
    expect(isEcPrivateKey(new Uint8Array(0))).toBe(false);
  });
});

test.each(["d", "device-1", "x".repeat(128)])("a request for %s: signed as it stands", (name) => {
  let signed: Uint8Array | undefined;
  const request = certificateRequest(
    name,
    key,
    {
      generate: () => key,
      sign: (given, message) => {
        expect(given).toBe(key);
        signed = message.slice();
        return Uint8Array.of(0x30, 0);
      },
      verify: () => false,
    },
    nodeText,
  );
  const outer = new Der(request);
  const parts = outer.enter(TAG.SEQUENCE);
  expect(outer.ended).toBe(true);
  const info = parts.whole(TAG.SEQUENCE);
  expect(info).toEqual(signed);
  const inside = new Der(info).enter(TAG.SEQUENCE);
  expect(inside.take(TAG.INTEGER)).toEqual(Uint8Array.of(0));
  const attribute = inside.enter(TAG.SEQUENCE).enter(TAG.SET).enter(TAG.SEQUENCE);
  expect(attribute.take(TAG.OBJECT_IDENTIFIER)).toEqual(Uint8Array.of(0x55, 4, 3));
  expect(nodeText.decode(attribute.take(TAG.UTF8_STRING))).toBe(name);
  expect(inside.whole(TAG.SEQUENCE)).toEqual(publicKeyInfo(point));
  expect(inside.take(TAG.CONTEXT_0)).toHaveLength(0);
  expect(inside.ended).toBe(true);
  parts.skip(TAG.SEQUENCE);
  expect(parts.take(TAG.BIT_STRING)).toEqual(Uint8Array.of(0, 0x30, 0));
  expect(parts.ended).toBe(true);
});
