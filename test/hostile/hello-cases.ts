// SPDX-License-Identifier: MIT
/** Versions, suites and extensions that were not offered: RFC 5246 section 7.4.1.3, RFC 8446 section 4.1.3. */
import type { HostileCase } from "../helpers/hostile-case";
import { EXTENSION, extension, SUITE, vector } from "../helpers/hostile-tls-bytes";
import { flight, refusedAtOnce } from "./refusals";

export const helloCases: readonly HostileCase[] = [
  refusedAtOnce("SSL 3.0", { version: 0x0300 }),
  refusedAtOnce("TLS 1.0", { version: 0x0301 }),
  refusedAtOnce("TLS 1.1", { version: 0x0302 }),
  refusedAtOnce("TLS 1.3 in the field of the old versions", { version: 0x0304 }),
  refusedAtOnce("a version from the future", { version: 0x0305 }),
  ...[0, 1].map(
    (last): HostileCase => ({
      ...refusedAtOnce(`downgrade sentinel ending in ${last}`, {
        random: (honest) => Buffer.concat([honest.subarray(0, 24), Buffer.from("DOWNGRD"), Buffer.of(last)]),
      }),
      concerns: ({ offersTls13 }) => offersTls13,
    }),
  ),
  // Each with the flight that belongs to it: nothing but the suite is wrong.
  ...(["ecdheRsaAes128CbcSha", "ecdheRsaAes128CbcSha256", "ecdheRsaRc4"] as const).map((name) =>
    refusedAtOnce(`suite ${name}`, { suite: SUITE[name] }),
  ),
  ...(["rsaAes128Cbc", "rsaAes128Gcm", "nullWithNull"] as const).map((name) =>
    refusedAtOnce(`suite ${name}`, {
      suite: SUITE[name],
      ...flight(({ hello, certificate, done }) => [hello, certificate, done]),
    }),
  ),
  refusedAtOnce("suite ecdhAnonymousAes128Cbc", {
    suite: SUITE.ecdhAnonymousAes128Cbc,
    ...flight(({ hello, exchange, done }) => [hello, exchange, done]),
  }),
  refusedAtOnce("suite for EC, certificate with an RSA key", { suite: SUITE.ecdheEcdsaAes128Gcm }),
  refusedAtOnce("suite for RSA, certificate with an EC key", { suite: SUITE.ecdheRsaAes128Gcm }, "leaf"),
  refusedAtOnce("compression", { compression: 1 }),
  refusedAtOnce("an extension that was not asked for", {
    extensions: (honest) => [
      ...honest,
      extension(EXTENSION.applicationLayerProtocol, vector(2, vector(1, Buffer.from("h2")))),
    ],
  }),
  // RFC 5746 section 3.4.
  refusedAtOnce("renegotiation_info of another handshake", {
    extensions: ([, ...others]) => [
      extension(EXTENSION.renegotiationInfo, vector(1, Buffer.alloc(24, 5))),
      ...others,
    ],
  }),
];
