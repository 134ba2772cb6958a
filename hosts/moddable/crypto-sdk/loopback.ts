// SPDX-License-Identifier: MIT
import { BerthError } from "../../../src/error";

/** Why the SDK's TLS must not connect to `address` (IPv4), or undefined. */
export function refusalOf(address: string): BerthError | undefined {
  if (address.startsWith("127.")) return undefined;
  return new BerthError(
    "invalid-argument",
    `the SDK's TLS is for a local emulator: ${address} is not this computer; set connectTo, or build with mbedTLS`,
  );
}
