// SPDX-License-Identifier: MIT
/**
 * A request for a certificate (PKCS #10, RFC 2986) for a key on P-256, signed by whoever has the key. The same bytes on
 * every engine: ESP-IDF can leave out mbedTLS's own writer, and Node.js has none.
 */
import type { EcKeys, TextCodec } from "../host";
import { element, sameBytes, TAG } from "./der";

/**
 * All of PKCS #8 (RFC 5958) with ECPrivateKey (RFC 5915) on secp256r1 that is not the key itself: the private key's 32
 * bytes stand behind the first part, the public point's 65 behind the second.
 */
const HEAD: readonly number[] = Object.freeze([
  0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
  0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
]);
const MIDDLE: readonly number[] = Object.freeze([0xa1, 0x44, 0x03, 0x42, 0x00]);
const SCALAR = 32;
/** Uncompressed (SEC 1, section 2.3.3). */
const POINT = 65;
/** Bytes of such a private key. */
export const EC_KEY_LENGTH = HEAD.length + SCALAR + MIDDLE.length + POINT;

/** AlgorithmIdentifier of id-ecPublicKey on secp256r1 (RFC 5480). */
const EC_P256: readonly number[] = Object.freeze([
  0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
  0x03, 0x01, 0x07,
]);
/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758). */
const ECDSA_SHA256: readonly number[] = Object.freeze([
  0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
]);
/** OBJECT IDENTIFIER id-at-commonName. */
const COMMON_NAME: readonly number[] = Object.freeze([0x06, 0x03, 0x55, 0x04, 0x03]);
/** INTEGER 0: version 1 of a request. */
const VERSION: readonly number[] = Object.freeze([0x02, 0x01, 0x00]);
const NO_UNUSED_BITS: readonly number[] = Object.freeze([0]);

/** A private key as `EcKeys.generate` gives it, from its parts. @param scalar 32 bytes @param point 65 bytes */
export function ecPrivateKey(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const key = new Uint8Array(EC_KEY_LENGTH);
  key.set(HEAD);
  key.set(scalar, HEAD.length);
  key.set(MIDDLE, HEAD.length + SCALAR);
  key.set(point, EC_KEY_LENGTH - POINT);
  return key;
}

/** Is it a private key in exactly this form? Its numbers are not judged. */
export function isEcPrivateKey(key: Uint8Array): boolean {
  return key.length === EC_KEY_LENGTH && sameBytes(ecPrivateKey(scalarOf(key), pointOf(key)), key);
}

/** The 32 bytes of the private number, a view. */
export function scalarOf(key: Uint8Array): Uint8Array {
  return key.subarray(HEAD.length, HEAD.length + SCALAR);
}

/** The 65 bytes of the public point, a view. */
export function pointOf(key: Uint8Array): Uint8Array {
  return key.subarray(EC_KEY_LENGTH - POINT);
}

/** SubjectPublicKeyInfo of a public point, DER. */
export function publicKeyInfo(point: Uint8Array): Uint8Array {
  return element(
    TAG.SEQUENCE,
    Uint8Array.from(EC_P256),
    element(TAG.BIT_STRING, Uint8Array.from(NO_UNUSED_BITS), point),
  );
}

/**
 * A request in DER for `commonName` alone: what else a certificate holds the issuer decides.
 * @param key as `EcKeys.generate` gives it
 * @throws what `keys.sign` throws
 */
export function certificateRequest(
  commonName: string,
  key: Uint8Array,
  keys: EcKeys,
  text: TextCodec,
): Uint8Array {
  const attribute = element(
    TAG.SEQUENCE,
    Uint8Array.from(COMMON_NAME),
    element(TAG.UTF8_STRING, text.encode(commonName)),
  );
  const info = element(
    TAG.SEQUENCE,
    Uint8Array.from(VERSION),
    element(TAG.SEQUENCE, element(TAG.SET, attribute)),
    publicKeyInfo(pointOf(key)),
    element(TAG.CONTEXT_0),
  );
  const signature = keys.sign(key, info);
  return element(
    TAG.SEQUENCE,
    info,
    Uint8Array.from(ECDSA_SHA256),
    element(TAG.BIT_STRING, Uint8Array.from(NO_UNUSED_BITS), signature),
  );
}
