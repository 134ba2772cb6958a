// SPDX-License-Identifier: MIT
/**
 * ChangeCipherSpec where no keys are changed. One who offers TLS 1.3 has to drop it (RFC 8446 section 5), and it is not
 * in the hash of the handshake, so a man in the middle can put it in front of a genuine flight. It must not make
 * anything pass that is refused without it.
 */
import { createHash, sign } from "node:crypto";
import type { HostileCase } from "../helpers/hostile-case";
import { served } from "../helpers/hostile-pki";
import { EXTENSION, extension, HANDSHAKE, SUITE, TLS_1_2, TLS_1_3, uint } from "../helpers/hostile-tls-bytes";
import { type ClientHello, SIGNATURE, serverHello } from "../helpers/hostile-tls-messages";
import { CHANGE_CIPHER_SPEC, type HostileRecord, handshakeRecord } from "../helpers/hostile-tls-records";
import type { HostilePlan, Rewrite } from "../helpers/hostile-tls-server";
import { flight, refusedAtOnce } from "./refusals";

/** A HelloRetryRequest (RFC 8446 section 4.1.4) for a key share on P-384. */
function helloRetryRequest({ sessionId }: ClientHello): HostileRecord {
  return handshakeRecord(
    serverHello({
      version: TLS_1_2,
      random: createHash("sha256").update("HelloRetryRequest").digest(),
      sessionId,
      suite: SUITE.tls13Aes128Gcm,
      compression: 0,
      extensions: [
        extension(EXTENSION.supportedVersions, uint(TLS_1_3, 2)),
        extension(EXTENSION.keyShare, uint(24, 2)),
      ],
    }),
  );
}

const ahead: Rewrite = (honest) => [CHANGE_CIPHER_SPEC, ...honest];

/** Where it is put, by what is done to an honest flight. */
const PLACES: readonly (readonly [string, Pick<HostilePlan, "flight" | "retry">])[] = [
  ["before ServerHello", { flight: ahead }],
  ["thrice before ServerHello", { flight: (honest) => ahead(ahead(ahead(honest))) }],
  [
    "after HelloRetryRequest",
    { retry: (hello) => [helloRetryRequest(hello), CHANGE_CIPHER_SPEC], flight: (honest) => honest },
  ],
  [
    "before and after HelloRetryRequest",
    { retry: (hello) => [CHANGE_CIPHER_SPEC, helloRetryRequest(hello)], flight: ahead },
  ],
];

/** RFC 9155: SHA-1 is not to be offered, nor accepted. */
const sha1: readonly HostileCase[] = PLACES.flatMap(([where, place]) =>
  (["rsaLeaf", "leaf"] as const).map(
    (own): HostileCase => ({
      ...refusedAtOnce(`ChangeCipherSpec ${where}, then a key exchange signed with SHA-1, ${own}`, {}),
      plan: (pki) => ({
        ...served(pki[own], pki.intermediate),
        keyExchange: {
          algorithm: own === "leaf" ? SIGNATURE.ecdsaSha1 : SIGNATURE.rsaSha1,
          sign: (signed) => sign("sha1", signed, pki[own].key),
        },
        ...place,
      }),
    }),
  ),
);

/** A Certificate of 16 megabytes, of which a byte comes. */
const ENDLESS = handshakeRecord(Buffer.from([HANDSHAKE.certificate, 0xff, 0xff, 0xff, 0]));

const endless: readonly HostileCase[] = PLACES.map(([where, place]) =>
  refusedAtOnce(`ChangeCipherSpec ${where}, then a message of 16 megabytes`, {
    ...place,
    flight: (honest) => [...(place.flight?.(honest.slice(0, 1)) ?? []), ENDLESS],
  }),
);

/** The record with a ChangeCipherSpec in the middle of its message. RFC 8446 section 5.1. */
function interrupted({ body }: HostileRecord): readonly HostileRecord[] {
  return [handshakeRecord(body.subarray(0, 20)), CHANGE_CIPHER_SPEC, handshakeRecord(body.subarray(20))];
}

export const cipherChangeCases: readonly HostileCase[] = [
  // TLS 1.2 does not have it there: RFC 5246 section 7.1.
  ...PLACES.map(([where, place]) => refusedAtOnce(`ChangeCipherSpec ${where}, then TLS 1.2`, place)),
  ...sha1,
  ...endless,
  refusedAtOnce(
    "ChangeCipherSpec in the middle of ServerHello",
    flight(({ hello, certificate, exchange, done }) => [...interrupted(hello), certificate, exchange, done]),
  ),
  refusedAtOnce(
    "ChangeCipherSpec in the middle of Certificate",
    flight(({ hello, certificate, exchange, done }) => [hello, ...interrupted(certificate), exchange, done]),
  ),
  refusedAtOnce(
    "ChangeCipherSpec before ServerKeyExchange",
    flight(({ hello, certificate, exchange, done }) => [
      hello,
      certificate,
      CHANGE_CIPHER_SPEC,
      exchange,
      done,
    ]),
  ),
  refusedAtOnce(
    "ChangeCipherSpec before ServerHelloDone",
    flight(({ hello, certificate, exchange, done }) => [
      hello,
      certificate,
      exchange,
      CHANGE_CIPHER_SPEC,
      done,
    ]),
  ),
  // TLS 1.2 in answer to a ClientHello that HelloRetryRequest asked for: RFC 8446 section 4.1.4.
  refusedAtOnce("TLS 1.2 after HelloRetryRequest", { retry: (hello) => [helloRetryRequest(hello)] }),
];
