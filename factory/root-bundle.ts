// SPDX-License-Identifier: MIT
/** Signs roots for devices in the field, and makes the key for it. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readHandedOver } from "../hosts/node/handed-over";
import { privateKeyIn } from "../hosts/node/credentials";
import { ecKeys } from "../hosts/node/ec-keys";
import { text } from "../hosts/node/text";
import { LARGEST_BUNDLE, MOST_ROOTS, rootsOfBundle, signedBytes } from "../src/credentials/root-bundle";
import { BerthError } from "../src/error";
import { readCertificates } from "./certificates";
import { reasonOf } from "./reason";

/** The value of the desired property. */
export interface SignedBundle {
  readonly counter: number;
  /** DER, base64. */
  readonly roots: readonly string[];
  /** DER, base64. */
  readonly signature: string;
}

/** A new key that signs roots: its private half as PKCS #8 in PEM, its public half as devices take it. */
export function newSigningKey(): { readonly privateKeyPem: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { privateKeyPem, publicKey: publicKeyOf(createPrivateKey(privateKeyPem)).toString("base64") };
}

/**
 * Signs the roots in `files`, and judges the bundle as a device does.
 * @param key file of the signing key
 * @param now milliseconds since 1970
 * @throws BerthError `invalid-argument` naming the file or the number that is wrong
 */
export function signRoots(
  files: readonly string[],
  key: string,
  counter: number,
  now: number,
): { readonly bundle: SignedBundle; readonly publicKey: string; readonly names: readonly string[] } {
  const certificates = files.flatMap((file) => {
    const found = readFile(file, readCertificates);
    const leaf = found.find((certificate) => !certificate.ca);
    if (leaf) throw wrong(`${file}: ${nameOf(leaf.subject)} is no CA, and so no root`);
    return found;
  });
  if (certificates.length > MOST_ROOTS)
    throw wrong(`${certificates.length} roots; a bundle holds ${MOST_ROOTS} at most`);
  const roots = certificates.map(({ raw }) => new Uint8Array(raw));
  const size = roots.reduce((sum, { length }) => sum + length + 2, 0);
  if (size > LARGEST_BUNDLE)
    throw wrong(`the roots take ${size} bytes; a bundle holds ${LARGEST_BUNDLE} at most: leave some out`);
  const privateKey = signingKeyIn(key);
  const signature = sign("sha256", signedBytes({ counter, roots }, text), {
    key: privateKey,
    dsaEncoding: "der",
  });
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const bundle = { counter, roots: roots.map(base64), signature: base64(signature) };
  const point = publicKeyOf(privateKey);
  try {
    rootsOfBundle(bundle, point, ecKeys, text, now);
  } catch (error) {
    throw wrong(`a device would refuse the bundle: ${reasonOf(error)}`);
  }
  return {
    bundle,
    publicKey: point.toString("base64"),
    names: certificates.map(({ subject }) => nameOf(subject)),
  };
}

/** @throws BerthError `invalid-argument` naming the file */
function readFile<T>(file: string, read: (file: string) => T): T {
  try {
    return read(file);
  } catch (error) {
    const reason = reasonOf(error);
    throw wrong(reason.includes(file) ? reason : `${file}: ${reason}`);
  }
}

function signingKeyIn(file: string): KeyObject {
  const key = privateKeyIn(readFile(file, readHandedOver), file);
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw wrong(`${file} is no key on P-256; make one with berth roots key --out FILE`);
  return key;
}

/** 65 bytes, uncompressed: the end of SubjectPublicKeyInfo. */
function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-65);
}

function nameOf(subject: string | undefined): string {
  return /CN=(.*)/.exec(subject ?? "")?.[1] ?? "a certificate without a name";
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
