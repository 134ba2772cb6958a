// SPDX-License-Identifier: MIT
/** What an emulator says at its start: where it is, and how devices and boards come to it. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Configuration } from "../emulator/configuration";
import type { Emulator } from "../emulator/emulator";
import { shellPath } from "../factory/shell-word";

/** Where an emulator is. */
export interface EmulatorPlace {
  /** The address for this computer. */
  readonly local: string;
  /** A name or address for the others; undefined where only this computer reaches it. */
  readonly outside: string | undefined;
  /** Of its APIs, for this computer. */
  readonly url: string;
}

const WILDCARDS: Readonly<Record<string, string>> = Object.freeze({ "0.0.0.0": "127.0.0.1", "::": "::1" });

/** This computer's addresses in the network, for who listens on all of them. */
export function ownAddresses(host: string): string[] {
  if (WILDCARDS[host] === undefined) return [];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
}

/** @param host that it listens on @param names of the command line */
export function placeOf(
  { httpsPort }: Pick<Emulator, "httpsPort">,
  host: string,
  names: readonly string[],
): EmulatorPlace {
  const local = WILDCARDS[host] ?? host;
  const isLoopback = local === host && (host === "::1" || host.startsWith("127."));
  // Its certificate has the name for any address of the loopback, and no other.
  const name = local === "127.0.0.1" || local === "::1" ? "localhost" : local;
  return {
    local,
    outside: isLoopback ? undefined : (names[0] ?? ownAddresses(host)[0] ?? host),
    url: `https://${isIPv6(name) ? `[${name}]` : name}:${httpsPort}`,
  };
}

/** Lines to paste: a device on this computer, and what a board is configured with. No key is among them. */
export function hints(
  { port, idScope, ca }: Pick<Emulator, "port" | "idScope" | "ca">,
  { enrollments }: Configuration,
  { outside }: EmulatorPlace,
): string[] {
  const one = enrollments.find(({ attestation }) => attestation.type === "symmetricKey");
  const id = one?.registrationId ?? "REGISTRATION-ID";
  const lines = [
    "a device on this computer:",
    `  npx berth device --emulator ${port} --registration-id ${id}`,
  ];
  if (outside === undefined) return lines;
  const address = isIPv6(outside) ? `[${outside}]` : outside;
  return [
    ...lines,
    "a device elsewhere, with a copy of the root:",
    `  npx berth device --id-scope ${idScope} --registration-id ${id} \\`,
    `    --symmetric-key-file KEY --ca ${shellPath("root.pem")} --connect-to :${address}:${port}`,
    "a board: a table for berth identity factory, and a setting of its build:",
    "  registrationId,symmetricKey,idScope,root",
    `  ${id},ITS KEY,${idScope},${ca.path}`,
    `  npm run flash -- esp32 ssid=NET password=PASSPHRASE connectTo=:${address}:${port}`,
  ];
}
