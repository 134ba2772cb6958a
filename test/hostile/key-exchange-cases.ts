// SPDX-License-Identifier: MIT
/** A genuine, public chain, and a ServerKeyExchange that its key did not sign. RFC 5246 section 7.4.3, RFC 8422. */
import { constants, createECDH, sign } from "node:crypto";
import type { HostileCase } from "../helpers/hostile-case";
import { type HostilePki, served } from "../helpers/hostile-pki";
import { HANDSHAKE, uint, vector } from "../helpers/hostile-tls-bytes";
import { curveParameters, type KeyExchangePlan, SIGNATURE } from "../helpers/hostile-tls-messages";

const GARBAGE = Buffer.alloc(256, 0xa5);

/** Refused at ServerKeyExchange: the client goes no further. */
function unsigned(
  name: string,
  exchange: KeyExchangePlan | ((pki: HostilePki) => KeyExchangePlan),
  own: "leaf" | "rsaLeaf" = "rsaLeaf",
): HostileCase {
  return {
    name: `ServerKeyExchange ${name}`,
    verdict: { kind: "refused", code: "tls-failed" },
    lastMessage: HANDSHAKE.clientHello,
    plan: (pki) => ({
      ...served(pki[own], pki.intermediate),
      keyExchange: typeof exchange === "function" ? exchange(pki) : exchange,
    }),
  };
}

/** Unknown or zero identifiers with a signature of nobody (moddable-sdk.md section 8, hole 2). */
const withoutAlgorithm = [0x0000, 0x0400, 0x0001, 0x0804, 0x0401, 0xffff].flatMap((algorithm) => {
  const told = `(${algorithm >> 8},${algorithm & 0xff})`;
  return [
    unsigned(`with algorithm ${told} and garbage`, { algorithm, sign: () => GARBAGE }),
    unsigned(`with algorithm ${told} and no signature`, { algorithm, sign: () => Buffer.alloc(0) }),
  ];
});

export const keyExchangeCases: readonly HostileCase[] = [
  unsigned("signed by the wrong RSA key", ({ rsaAttacker }) => ({
    sign: (signed) => sign("sha256", signed, rsaAttacker.key),
  })),
  unsigned(
    "signed by the wrong EC key",
    ({ attacker }) => ({ sign: (signed) => sign("sha256", signed, attacker.key) }),
    "leaf",
  ),
  unsigned("signed by a key of another kind", ({ attacker }) => ({
    algorithm: SIGNATURE.ecdsaSha256,
    sign: (signed) => sign("sha256", signed, attacker.key),
  })),
  ...withoutAlgorithm,
  unsigned("with algorithm (0,0) and garbage, EC leaf", { algorithm: 0, sign: () => GARBAGE }, "leaf"),
  unsigned("with garbage, EC leaf", { sign: () => GARBAGE }, "leaf"),
  unsigned("with no signature, EC leaf", { sign: () => Buffer.alloc(0) }, "leaf"),
  unsigned("with a right signature under algorithm (0,0)", { algorithm: 0 }),
  unsigned("with a right signature under algorithm (0,0), EC leaf", { algorithm: 0 }, "leaf"),
  unsigned("signed over another client's random", {
    signed: (honest) => Buffer.concat([Buffer.alloc(32, 7), honest.subarray(32)]),
  }),
  unsigned("signed over another server's random", {
    signed: (honest) => Buffer.concat([honest.subarray(0, 32), Buffer.alloc(32, 7), honest.subarray(64)]),
  }),
  unsigned("signed over the parameters alone", { signed: (honest) => honest.subarray(64) }),
  unsigned("signed over another point", {
    signed: (honest) => Buffer.concat([honest.subarray(0, 64), curveParameters(point())]),
  }),
  unsigned(
    "signed over another point, EC leaf",
    { signed: (honest) => Buffer.concat([honest.subarray(0, 64), curveParameters(point())]) },
    "leaf",
  ),
  // RFC 9155: SHA-1 is not to be offered, nor accepted.
  unsigned("signed with SHA-1 and RSA", ({ rsaLeaf }) => ({
    algorithm: SIGNATURE.rsaSha1,
    sign: (signed) => sign("sha1", signed, rsaLeaf.key),
  })),
  unsigned(
    "signed with SHA-1 and ECDSA",
    ({ leaf }) => ({ algorithm: SIGNATURE.ecdsaSha1, sign: (signed) => sign("sha1", signed, leaf.key) }),
    "leaf",
  ),
  // RFC 8446 section 4.2.3: told as PSS, signed as PKCS #1 v1.5, and the other way round.
  unsigned("signed with PKCS #1 v1.5 under the number of PSS", { algorithm: SIGNATURE.rsaPssSha256 }),
  unsigned("signed with PSS under the number of PKCS #1 v1.5", ({ rsaLeaf }) => ({
    algorithm: SIGNATURE.rsaSha256,
    sign: (signed) =>
      sign("sha256", signed, { key: rsaLeaf.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  })),
  // RFC 8422 section 5.11: the point must be on the curve. The signature is right.
  unsigned("with a point that is not on the curve", {
    parameters: () => curveParameters(Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)])),
  }),
  unsigned("with the point at infinity", { parameters: () => curveParameters(Buffer.of(0)) }),
  unsigned("with an empty point", { parameters: () => curveParameters(Buffer.alloc(0)) }),
  unsigned("with a curve that was not offered", {
    parameters: (honest) => Buffer.concat([uint(3, 1), uint(0xfe01, 2), honest.subarray(3)]),
  }),
  unsigned("with an explicit curve", {
    parameters: (honest) => Buffer.concat([uint(1, 1), vector(1, Buffer.of(23)), honest.subarray(3)]),
  }),
];

/** A fresh point on P-256. */
function point(): Buffer {
  return createECDH("prime256v1").generateKeys();
}
