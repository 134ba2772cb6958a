// SPDX-License-Identifier: MIT
/** A genuine server's certificate, and a handshake that is not the one of RFC 5246 section 7.3. */
import type { HostileCase } from "../helpers/hostile-case";
import { served } from "../helpers/hostile-pki";
import { HANDSHAKE, message, vector } from "../helpers/hostile-tls-bytes";
import {
  CHANGE_CIPHER_SPEC,
  HELLO_REQUEST,
  type HostileRecord,
  handshakeRecord,
  lastBitTurned,
} from "../helpers/hostile-tls-records";
import { finish, flight, refusedAtFinish, refusedAtOnce } from "./refusals";

const CLEAR = { sealed: false } as const;

function finishedMessage(length: number): HostileRecord {
  return handshakeRecord(message(HANDSHAKE.finished, Buffer.alloc(length)));
}

/** Messages left out, doubled or moved: "State machine attacks against TLS" (SMACK), 2015. */
const order: readonly HostileCase[] = [
  refusedAtOnce(
    "Certificate before ServerHello",
    flight(({ hello, certificate, exchange, done }) => [certificate, hello, exchange, done]),
  ),
  refusedAtOnce(
    "ServerKeyExchange before Certificate",
    flight(({ hello, certificate, exchange, done }) => [hello, exchange, certificate, done]),
  ),
  refusedAtOnce(
    "no Certificate",
    flight(({ hello, exchange, done }) => [hello, exchange, done]),
  ),
  refusedAtOnce(
    "no ServerKeyExchange",
    flight(({ hello, certificate, done }) => [hello, certificate, done]),
  ),
  refusedAtOnce(
    "neither Certificate nor ServerKeyExchange",
    flight(({ hello, done }) => [hello, done]),
  ),
  refusedAtOnce(
    "two ServerHello",
    flight(({ hello, certificate, exchange, done }) => [hello, hello, certificate, exchange, done]),
  ),
  refusedAtOnce(
    "two Certificate",
    flight(({ hello, certificate, exchange, done }) => [hello, certificate, certificate, exchange, done]),
  ),
  refusedAtOnce(
    "two ServerKeyExchange",
    flight(({ hello, certificate, exchange, done }) => [hello, certificate, exchange, exchange, done]),
  ),
  {
    // The first ServerHelloDone is right, so the client may have gone on.
    name: "two ServerHelloDone",
    verdict: { kind: "refused", code: "tls-failed" },
    plan: ({ rsaLeaf, intermediate }) => ({
      ...served(rsaLeaf, intermediate),
      flight: (honest) => [...honest, honest[3]!],
    }),
  },
  refusedAtOnce(
    "an empty certificate list",
    flight(({ hello, exchange, done }) => [
      hello,
      handshakeRecord(message(HANDSHAKE.certificate, vector(3))),
      exchange,
      done,
    ]),
  ),
  refusedAtOnce(
    "Finished straight after ServerHello",
    flight(({ hello }) => [hello, finishedMessage(12)]),
  ),
  refusedAtOnce(
    "Finished straight after Certificate",
    flight(({ hello, certificate }) => [hello, certificate, finishedMessage(12)]),
  ),
  {
    // Without keys there is nothing to verify the Finished by, and no certificate was shown.
    ...refusedAtOnce(
      "resumption of a session that never was",
      flight(({ hello }) => [hello, CHANGE_CIPHER_SPEC, finishedMessage(12)]),
    ),
    plan: ({ leaf, intermediate }) => ({
      ...served(leaf, intermediate),
      sessionId: ({ sessionId }) => (sessionId.length > 0 ? sessionId : Buffer.alloc(32, 9)),
      flight: ([hello]) => [hello!, CHANGE_CIPHER_SPEC, finishedMessage(12)],
    }),
  },
  // CVE-2014-0224.
  refusedAtOnce(
    "ChangeCipherSpec before there are keys",
    flight(({ hello, certificate, exchange, done }) => [
      hello,
      CHANGE_CIPHER_SPEC,
      certificate,
      exchange,
      done,
    ]),
  ),
  refusedAtOnce(
    "a ClientHello from the server",
    flight(({ certificate, exchange, done }) => [
      handshakeRecord(message(HANDSHAKE.clientHello, Buffer.alloc(60))),
      certificate,
      exchange,
      done,
    ]),
  ),
  refusedAtOnce(
    "an unknown handshake message",
    flight(({ hello, certificate, exchange, done }) => [
      hello,
      handshakeRecord(message(99, Buffer.alloc(10))),
      certificate,
      exchange,
      done,
    ]),
  ),
  refusedAtOnce(
    "a handshake message of 16 megabytes",
    flight(({ hello }) => [
      hello,
      handshakeRecord(Buffer.from([HANDSHAKE.certificate, 0xff, 0xff, 0xff, 0])),
    ]),
  ),
];

const finishedCases: readonly HostileCase[] = [
  refusedAtFinish(
    "wrong Finished",
    finish((change, { body }) => {
      const wrong = Buffer.from(body);
      wrong.writeUInt8(wrong.readUInt8(15) ^ 1, 15);
      return [change, handshakeRecord(wrong)];
    }),
  ),
  refusedAtFinish(
    "Finished of zeros",
    finish((change) => [change, finishedMessage(12)]),
  ),
  refusedAtFinish(
    "empty Finished",
    finish((change) => [change, finishedMessage(0)]),
  ),
  refusedAtFinish(
    "Finished cut to 11 bytes",
    finish((change, { body }) => [
      change,
      handshakeRecord(message(HANDSHAKE.finished, body.subarray(4, 15))),
    ]),
  ),
  refusedAtFinish(
    "missing ChangeCipherSpec, Finished encrypted",
    finish((_change, finished) => [{ ...finished, sealed: true }]),
  ),
  refusedAtFinish(
    "missing ChangeCipherSpec, Finished in clear",
    finish((_change, finished) => [finished]),
  ),
  refusedAtFinish(
    "Finished in clear before ChangeCipherSpec",
    finish((change, finished) => [finished, change]),
  ),
  refusedAtFinish(
    "Finished in clear after ChangeCipherSpec",
    finish((change, finished) => [change, { ...finished, ...CLEAR }]),
  ),
  refusedAtFinish(
    "two ChangeCipherSpec",
    finish((change, finished) => [change, { ...change, ...CLEAR }, finished]),
  ),
  refusedAtFinish(
    "ChangeCipherSpec with another value",
    finish((change, finished) => [{ ...change, body: Buffer.of(2) }, finished]),
  ),
  refusedAtFinish(
    "ChangeCipherSpec of two bytes",
    finish((change, finished) => [{ ...change, body: Buffer.of(1, 1) }, finished]),
  ),
  refusedAtFinish(
    "bad_record_mac of Finished",
    finish((change, finished) => [change, { ...finished, wire: lastBitTurned }]),
  ),
];

/** RFC 5246 section 7.4.1.1: a client may ignore it. A device has no use for a second handshake. */
const renegotiation: readonly HostileCase[] = [
  {
    name: "renegotiation request: the client stays with its handshake",
    verdict: { kind: "works" },
    plan: ({ rsaLeaf, intermediate }) => ({
      ...served(rsaLeaf, intermediate),
      answer: (honest) => [HELLO_REQUEST, ...honest],
    }),
  },
];

export const handshakeCases: readonly HostileCase[] = [...order, ...finishedCases, ...renegotiation];
