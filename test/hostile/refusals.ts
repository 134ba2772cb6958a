// SPDX-License-Identifier: MIT
/** Makes cases of a handshake that goes wrong with a genuine server's certificate. */
import type { HostileCase } from "../helpers/hostile-case";
import { type HostilePki, served } from "../helpers/hostile-pki";
import { HANDSHAKE } from "../helpers/hostile-tls-bytes";
import type { HostileRecord } from "../helpers/hostile-tls-records";
import type { HostilePlan } from "../helpers/hostile-tls-server";

export type Changes = Omit<HostilePlan, "chain" | "key">;

/** Refused without a word more than ClientHello. */
export function refusedAtOnce(
  name: string,
  changes: Changes,
  own: "leaf" | "rsaLeaf" = "rsaLeaf",
): HostileCase {
  return {
    name,
    verdict: { kind: "refused", code: "tls-failed" },
    lastMessage: HANDSHAKE.clientHello,
    plan: (pki: HostilePki) => ({ ...served(pki[own], pki.intermediate), ...changes }),
  };
}

/** Refused after the client's own Finished, which is due before the server's. */
export function refusedAtFinish(name: string, changes: Changes): HostileCase {
  return { ...refusedAtOnce(name, changes), lastMessage: HANDSHAKE.finished };
}

/** The records of the first flight by name, put in another order. */
export function flight(
  order: (records: {
    hello: HostileRecord;
    certificate: HostileRecord;
    exchange: HostileRecord;
    done: HostileRecord;
  }) => readonly HostileRecord[],
): Changes {
  return {
    flight: ([hello, certificate, exchange, done]) =>
      order({ hello: hello!, certificate: certificate!, exchange: exchange!, done: done! }),
  };
}

/** The same for the last flight. */
export function finish(
  order: (change: HostileRecord, finished: HostileRecord) => readonly HostileRecord[],
): Changes {
  return { finish: ([change, finished]) => order(change!, finished!) };
}
