// SPDX-License-Identifier: MIT
/**
 * Where the SDK's JavaScript TLS may be used. It accepts certificate chains that it must refuse and key exchanges
 * that nobody signed (SECURITY.md), so it protects nothing against someone on the network.
 */
import { BerthError } from "../../src/error";

export interface TlsPolicy {
  /** A board, not a simulator on a desktop. */
  readonly board: boolean;
  /** The build flag `insecureTLS`: a person has decided that this board may be deceived. */
  readonly insecure: boolean;
}

/** @throws BerthError `invalid-argument` on a board without the flag: it must not even try */
export function assertTlsAllowed({ board, insecure }: TlsPolicy): void {
  if (board && !insecure) {
    throw new BerthError(
      "invalid-argument",
      "the SDK's TLS is not safe on a network; build with insecureTLS=true to try a board all the same",
    );
  }
}

/** Why a connection to `address` (IPv4) is not allowed, or undefined. Simulators stay on their own computer. */
export function refusalOf(policy: TlsPolicy, address: string): BerthError | undefined {
  if (policy.insecure || address.startsWith("127.")) return undefined;
  return new BerthError(
    "invalid-argument",
    `the SDK's TLS is for a local emulator: ${address} is not this computer; see connectTo`,
  );
}
