// SPDX-License-Identifier: MIT
/** What a client may offer: nothing that a hostile server could pick to its harm. */
import { expect } from "@jest/globals";
import { PAYLOAD } from "../helpers/hostile-case";
import type { HostileClient } from "../helpers/hostile-client";
import { HOST, hostilePki, served } from "../helpers/hostile-pki";
import { TLS_1_2, TLS_1_3 } from "../helpers/hostile-tls-bytes";
import { type ClientHello, readNumbers } from "../helpers/hostile-tls-messages";
import { HostileServer } from "../helpers/hostile-tls-server";

/** Suites of TLS 1.3, and ECDHE with AES-GCM, AES-CCM or ChaCha20-Poly1305 (IANA's registry). */
const STRONG_SUITES = new Set([
  0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xc0ac, 0xc0ad, 0xcca8, 0xcca9,
]);
/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV, RFC 5746 section 3.3. */
const RENEGOTIATION_SIGNAL = 0x00ff;
const SIGNATURE_ALGORITHMS = 13;
const HEARTBEAT = 15;
const EARLY_DATA = 42;

async function offerOf(client: HostileClient): Promise<ClientHello> {
  const { leaf, intermediate, root } = await hostilePki();
  const server = await HostileServer.start(served(leaf, intermediate));
  try {
    await client.open({
      host: HOST,
      address: "127.0.0.1",
      port: server.port,
      roots: [root.pem],
      payload: PAYLOAD,
      answerLength: PAYLOAD.length,
    });
    const { hello } = await server.report();
    if (hello === undefined) throw new Error("no ClientHello came");
    return hello;
  } finally {
    await server.stop();
  }
}

/** RFC 9325 sections 3 and 4, RFC 9155. @throws jest's error when `client` offers what is weak. */
export async function checkOffer(client: HostileClient): Promise<void> {
  const { suites, compressions, versions, extensions } = await offerOf(client);
  const weak = suites.filter((suite) => !STRONG_SUITES.has(suite) && suite !== RENEGOTIATION_SIGNAL);
  expect(weak.map((suite) => suite.toString(16))).toEqual([]);
  expect(compressions).toEqual([0]);
  expect(versions).toEqual(client.offersTls13 ? [TLS_1_3, TLS_1_2] : [TLS_1_2]);

  const schemes = readNumbers(extensions.get(SIGNATURE_ALGORITHMS)!.subarray(2), 2);
  // Hash 0 to 2 are none, MD5 and SHA-1; signature 0 is anonymous (RFC 5246 section 7.4.1.4.1).
  const broken = schemes.filter((scheme) => scheme >> 8 <= 2 || (scheme & 0xff) === 0);
  expect(broken.map((scheme) => scheme.toString(16))).toEqual([]);
  expect(schemes.length).toBeGreaterThan(0);

  expect(extensions.has(HEARTBEAT)).toBe(false);
  expect(extensions.has(EARLY_DATA)).toBe(false);
}
