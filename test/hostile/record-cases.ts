// SPDX-License-Identifier: MIT
/** Records that break RFC 5246 section 6.2, and connections that end where none may. */
import type { HostileCase } from "../helpers/hostile-case";
import { PAYLOAD } from "../helpers/hostile-case";
import { certify, Extension } from "../helpers/hostile-certificates";
import { served } from "../helpers/hostile-pki";
import { CONTENT, HANDSHAKE } from "../helpers/hostile-tls-bytes";
import type { Cut } from "../helpers/hostile-tls-layer";
import { certificateMessage } from "../helpers/hostile-tls-messages";
import {
  applicationRecord,
  CLOSE_NOTIFY,
  coalesced,
  fragmented,
  handshakeRecord,
  lastBitTurned,
  rawBytes,
} from "../helpers/hostile-tls-records";
import type { Rewrite } from "../helpers/hostile-tls-server";

function refusedFlight(name: string, flight: Rewrite): HostileCase {
  return {
    name,
    verdict: { kind: "refused", code: "tls-failed" },
    lastMessage: HANDSHAKE.clientHello,
    plan: ({ leaf, intermediate }) => ({ ...served(leaf, intermediate), flight }),
  };
}

/** The handshake is good, the answer to the first application data is not. */
function brokenAnswer(name: string, answer: Rewrite, receives?: Buffer): HostileCase {
  return {
    name,
    verdict: { kind: "broken", code: "connection-lost" },
    ...(receives === undefined ? {} : { receives }),
    plan: ({ leaf, intermediate }) => ({ ...served(leaf, intermediate), answer }),
  };
}

/** A flight of a little more than 2^14 bytes, in messages that are smaller: a certificate too many, and a long one. */
function longFlight(name: string, verdict: HostileCase["verdict"], flight: Rewrite): HostileCase {
  return {
    name,
    verdict,
    plan: async ({ leaf, intermediate }) => {
      const filler = async (length: number) =>
        certify({ subject: "Filler", more: [new Extension("2.999.2", false, Buffer.alloc(length))] });
      const honest = served(leaf, intermediate);
      const least = certificateMessage([...honest.chain, (await filler(1000)).der]).length;
      // 100 bytes of slack for lengths of signatures; the other messages have more than that.
      const { der } = await filler(1000 + 2 ** 14 - least - 100);
      return { ...honest, chain: [...honest.chain, der], flight };
    },
  };
}

const oversize: readonly HostileCase[] = [
  longFlight("16 KB of messages in records of 4 KB", { kind: "works" }, (honest) =>
    fragmented(4096)(coalesced(honest)),
  ),
  {
    ...longFlight(
      "a handshake record of more than 16 KB",
      { kind: "refused", code: "tls-failed" },
      coalesced,
    ),
    lastMessage: HANDSHAKE.clientHello,
  },
  refusedFlight("a header that tells 65,535 bytes", () => [rawBytes(Buffer.from("160303ffff", "hex"))]),
  brokenAnswer("an encrypted record of more than 16 KB", () => [
    applicationRecord(Buffer.alloc(2 ** 14 + 1)),
  ]),
  brokenAnswer("an encrypted record of more than 18 KB", () => [
    applicationRecord(Buffer.alloc(2 ** 14 + 2048)),
  ]),
];

const garbage: readonly HostileCase[] = [
  refusedFlight("HTTP", () => [
    rawBytes(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
  ]),
  refusedFlight("MQTT in clear", () => [rawBytes(Buffer.from("20020000", "hex")), rawBytes(Buffer.alloc(8))]),
  refusedFlight("zeros", () => [rawBytes(Buffer.alloc(600))]),
  refusedFlight("ones", () => [rawBytes(Buffer.alloc(600, 0xff))]),
  refusedFlight("bytes without sense", () => [
    rawBytes(Buffer.from(Array.from({ length: 600 }, (_, index) => (index * 167 + 13) & 0xff))),
  ]),
  refusedFlight("garbage after ServerHello", ([hello]) => [hello!, rawBytes(Buffer.alloc(600, 0xa5))]),
  refusedFlight("a record of an unknown type", ([hello, ...others]) => [
    hello!,
    { type: 99, body: Buffer.alloc(10) },
    ...others,
  ]),
  refusedFlight("a record of another major version", (honest) =>
    honest.map((record) => ({
      ...record,
      wire: (bytes) => Buffer.concat([bytes.subarray(0, 1), Buffer.of(2), bytes.subarray(2)]),
    })),
  ),
  refusedFlight("an alert of one byte", () => [{ type: CONTENT.alert, body: Buffer.of(2) }]),
  refusedFlight("forty empty records", (honest) => [
    ...Array.from({ length: 40 }, () => handshakeRecord(Buffer.alloc(0))),
    ...honest,
  ]),
];

const afterHandshake: readonly HostileCase[] = [
  brokenAnswer("bad_record_mac of application data", ([echo]) => [{ ...echo!, wire: lastBitTurned }]),
  brokenAnswer("application data in clear after the handshake", ([echo]) => [{ ...echo!, sealed: false }]),
  brokenAnswer(
    "a record twice",
    ([echo]) => [{ ...echo!, wire: (bytes) => Buffer.concat([bytes, bytes]) }],
    PAYLOAD,
  ),
  brokenAnswer("a record shorter than its tag", ([echo]) => [
    { ...echo!, body: Buffer.alloc(15), sealed: false },
  ]),
  brokenAnswer("close_notify in clear after the handshake", () => [{ ...CLOSE_NOTIFY, sealed: false }]),
  brokenAnswer("close_notify", () => [CLOSE_NOTIFY]),
  brokenAnswer("a handshake message of the server after the handshake", () => [
    handshakeRecord(Buffer.of(HANDSHAKE.serverHelloDone, 0, 0, 0)),
  ]),
  brokenAnswer("garbage after the handshake", () => [rawBytes(Buffer.alloc(600, 0xa5))]),
];

const RECORDS = [
  "ServerHello",
  "Certificate",
  "ServerKeyExchange",
  "ServerHelloDone",
  "ChangeCipherSpec",
  "Finished",
  "application data",
];
const PLACES: readonly (readonly [number, string])[] = [
  [0, "before"],
  [3, "in the header of"],
  [5, "after the header of"],
  [-1, "before the last byte of"],
];

/** The index of the record of application data. */
const ANSWER = 6;
/** ServerHelloDone: the client answers only when it is whole. */
const LAST_OF_FLIGHT = 3;

function truncated(name: string, cut: Cut): HostileCase {
  const inHandshake = cut.record < ANSWER;
  return {
    name,
    verdict: inHandshake
      ? { kind: "refused", code: "tls-failed" }
      : { kind: "broken", code: "connection-lost" },
    ...(inHandshake
      ? { lastMessage: cut.record <= LAST_OF_FLIGHT ? HANDSHAKE.clientHello : HANDSHAKE.finished }
      : {}),
    plan: ({ leaf, intermediate }) => ({ ...served(leaf, intermediate), cut }),
  };
}

const truncation: readonly HostileCase[] = RECORDS.flatMap((what, record) => [
  ...PLACES.map(([bytes, where]) => truncated(`the connection ends ${where} ${what}`, { record, bytes })),
  truncated(`the connection is reset before ${what}`, { record, bytes: 0, reset: true }),
]);

export const recordCases: readonly HostileCase[] = [
  ...oversize,
  ...garbage,
  ...afterHandshake,
  ...truncation,
];
