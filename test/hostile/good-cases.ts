// SPDX-License-Identifier: MIT
/** What must work: it shows that the server is right, so that what is refused is refused for its own fault. */
import type { HostileCase } from "../helpers/hostile-case";
import type { Verdict } from "../helpers/hostile-client";
import { HOST, leafBelow, served, without } from "../helpers/hostile-pki";
import { EXTENSION } from "../helpers/hostile-tls-bytes";
import { applicationRecord, coalesced, fragmented } from "../helpers/hostile-tls-records";

const works: Verdict = { kind: "works" };
const LARGEST = Buffer.alloc(2 ** 14, "0123456789");

export const goodCases: readonly HostileCase[] = [
  { name: "ECDHE_ECDSA", verdict: works, plan: ({ leaf, intermediate }) => served(leaf, intermediate) },
  { name: "ECDHE_RSA", verdict: works, plan: ({ rsaLeaf, intermediate }) => served(rsaLeaf, intermediate) },
  {
    // RFC 5246 section 7.4.2: the root may be omitted, so it may be there.
    name: "the root is sent too",
    verdict: works,
    plan: ({ leaf, intermediate, root }) => served(leaf, intermediate, root),
  },
  {
    name: "leaf directly below the root",
    verdict: works,
    plan: async ({ root }) => served(await leafBelow(root)),
  },
  {
    name: "a second root is trusted",
    verdict: works,
    roots: ({ root, attacker }) => [attacker, root],
    plan: ({ leaf, intermediate }) => served(leaf, intermediate),
  },
  {
    // RFC 5280 sections 4.2.1.3 and 4.2.1.12: without the extension there is no restriction.
    name: "leaf without key usages",
    verdict: works,
    plan: async ({ intermediate }) =>
      served(await leafBelow(intermediate, without("usages", "extendedUsages")), intermediate),
  },
  {
    name: "wildcard for one label",
    verdict: works,
    plan: async ({ intermediate }) =>
      served(await leafBelow(intermediate, { names: ["*.berth.example"] }), intermediate),
  },
  {
    // RFC 4343: names are compared without regard to case.
    name: "name in capitals, second of two",
    verdict: works,
    plan: async ({ intermediate }) =>
      served(await leafBelow(intermediate, { names: ["other.example", HOST.toUpperCase()] }), intermediate),
  },
  {
    name: "address in an iPAddress name",
    verdict: works,
    host: "127.0.0.1",
    plan: async ({ intermediate }) =>
      served(await leafBelow(intermediate, { addresses: ["127.0.0.1"] }), intermediate),
  },
  {
    // RFC 7627 section 5.3: a server need not know it.
    name: "no extended master secret",
    verdict: works,
    plan: ({ leaf, intermediate }) => ({
      ...served(leaf, intermediate),
      extensions: (honest) => honest.filter((one) => one.readUInt16BE(0) !== EXTENSION.extendedMasterSecret),
    }),
  },
  ...[512, 16, 1].map(
    (size): HostileCase => ({
      // RFC 5246 section 6.2.1: handshake messages may be cut at any byte.
      name: `handshake messages split over records of ${size}`,
      verdict: works,
      plan: ({ rsaLeaf, intermediate }) => ({
        ...served(rsaLeaf, intermediate),
        flight: fragmented(size),
        finish: fragmented(size),
      }),
    }),
  ),
  {
    name: "the whole flight in one record",
    verdict: works,
    plan: ({ rsaLeaf, intermediate }) => ({ ...served(rsaLeaf, intermediate), flight: coalesced }),
  },
  {
    name: "the flight in one stream of records of 700",
    verdict: works,
    plan: ({ rsaLeaf, intermediate }) => ({
      ...served(rsaLeaf, intermediate),
      flight: (honest) => fragmented(700)(coalesced(honest)),
    }),
  },
  {
    name: "the largest record that is allowed",
    verdict: works,
    receives: LARGEST,
    plan: ({ leaf, intermediate }) => ({
      ...served(leaf, intermediate),
      answer: () => [applicationRecord(LARGEST)],
    }),
  },
];
