// SPDX-License-Identifier: MIT
/**
 * Roots as they are delivered: `{"counter": 7, "roots": ["base64 of DER", …], "signature": "base64 of DER"}`. Signed are the
 * bytes `berth roots 1` with a line feed, and behind them the body of a record (stored-roots.ts): ECDSA with
 * SHA-256 on P-256.
 */
import { asJsonObject } from "../azure/json";
import { bytesOfBase64 } from "../azure/symmetric-key";
import { BerthError } from "../error";
import type { EcKeys, TextCodec } from "../host";
import { ROOT_BUNDLE, type StoredRoots } from "./stored-roots";
import { readCertificate } from "../x509/certificate";

const CONTEXT = "berth roots 1\n";
/** Roots in a bundle. */
export const MOST_ROOTS = 6;
/** Bytes of the body of the record: the store's bound, less the envelope. */
export const LARGEST_BUNDLE = 3_900;
const LAST_COUNTER = 0xffff_ffff;
/** Characters of a signature in base64. */
const LONGEST_SIGNATURE = 96;

/** What is signed. @throws BerthError `invalid-argument` for a root over 65,535 bytes */
export function signedBytes(bundle: StoredRoots, text: TextCodec): Uint8Array {
  const context = text.encode(CONTEXT);
  const body = ROOT_BUNDLE.encode(bundle, text);
  const bytes = new Uint8Array(context.length + body.length);
  bytes.set(context);
  bytes.set(body, context.length);
  return bytes;
}

/** The counter that a bundle says it has; 0 for none that can be. It proves nothing. */
export function counterOf(value: unknown): number {
  const counter = asJsonObject(value)?.counter;
  return typeof counter === "number" && Number.isInteger(counter) && counter >= 1 && counter <= LAST_COUNTER
    ? counter
    : 0;
}

/**
 * The roots of a bundle, its signature judged.
 * @param value as it came
 * @param point the public key of who may sign: 65 bytes
 * @param now milliseconds since 1970
 * @throws BerthError `roots-refused` that says what is wrong
 */
export function rootsOfBundle(
  value: unknown,
  point: Uint8Array,
  keys: EcKeys,
  text: TextCodec,
  now: number,
): StoredRoots {
  const { roots: list, signature: signed } = asJsonObject(value) ?? {};
  const counter = counterOf(value);
  if (counter === 0) throw rootsRefused(`no counter of 1 to ${LAST_COUNTER}`);
  if (!Array.isArray(list) || list.length < 1 || list.length > MOST_ROOTS) {
    throw rootsRefused(`no list of 1 to ${MOST_ROOTS} roots`);
  }
  const roots: Uint8Array[] = [];
  let size = 0;
  for (const one of list as unknown[]) {
    const der = typeof one === "string" && one.length < 2 * LARGEST_BUNDLE ? bytesOfBase64(one) : undefined;
    if (!der) throw rootsRefused(`root ${roots.length + 1} is no base64, or too long`);
    size += der.length + 2;
    roots.push(der);
  }
  if (size > LARGEST_BUNDLE) throw rootsRefused(`${size} bytes of roots; ${LARGEST_BUNDLE} at most`);
  const signature =
    typeof signed === "string" && signed.length <= LONGEST_SIGNATURE ? bytesOfBase64(signed) : undefined;
  const bundle = { counter, roots };
  if (!signature || !keys.verify(point, signedBytes(bundle, text), signature)) {
    throw rootsRefused("the signature is not that of the key in the device");
  }
  if (!roots.some((der, i) => isGood(der, i, now))) throw rootsRefused("all of its roots have ended");
  return bundle;
}

function isGood(der: Uint8Array, index: number, now: number): boolean {
  try {
    return now < readCertificate(der).notAfter;
  } catch {
    throw rootsRefused(`root ${index + 1} is no X.509 certificate in DER`);
  }
}

export function rootsRefused(about: string): BerthError {
  return new BerthError("roots-refused", about);
}
