// SPDX-License-Identifier: MIT
import { isHostName } from "../../src/azure/identifiers";
import { BerthError } from "../../src/error";

/** Where connections to one server, or to all, really go: to a local emulator, for example. */
export interface ConnectTo {
  /** Name of the server, lower case; "" means any. */
  readonly host: string;
  /** IPv4 address or name to connect to instead. */
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `HOST:ADDRESS:PORT` entries, separated by commas; an empty HOST means any server. Only the address
 * changes: the server must still prove HOST by its certificate.
 * @throws BerthError `invalid-argument`
 */
export function parseConnectTo(text: string): ConnectTo[] {
  return text.split(",").map((entry) => {
    const [host = "", address = "", port = "", ...rest] = entry.trim().split(":");
    const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
    const reachable =
      (isIpv4(address) || isHostName(address)) && (host === "" || isIpv4(host) || isHostName(host));
    if (!reachable || rest.length > 0 || number < 1 || number > 65_535) {
      throw new BerthError("invalid-argument", `"${entry}" is no HOST:ADDRESS:PORT, as :127.0.0.1:8883`);
    }
    return { host: host.toLowerCase(), address, port: number };
  });
}

/** Address and port for `host` and `port`: those of the first entry that matches, else their own. */
export function connectTarget(
  entries: readonly ConnectTo[],
  host: string,
  port: number,
): { readonly address: string; readonly port: number } {
  const name = host.toLowerCase();
  return (
    entries.find((entry) => entry.host === "" || entry.host === name) ?? {
      address: host,
      port,
    }
  );
}

/** Looks a name up with the DNS of the network; `address` is undefined when it has none. */
export type Resolve = (name: string, done: (name: string, address?: string) => void) => void;

/**
 * Finds where to connect to for `host` and `port`.
 * @param found called with it, at once where no name has to be looked up; `address` is IPv4, or undefined when DNS
 *   has none for `name`
 */
export function locate(
  options: {
    readonly host: string;
    readonly port: number;
    readonly connectTo?: readonly ConnectTo[] | undefined;
    readonly resolve: Resolve;
  },
  found: (address: string | undefined, port: number, name: string) => void,
): void {
  const { address: name, port } = connectTarget(options.connectTo ?? [], options.host, options.port);
  if (isIpv4(name)) found(name, port, name);
  else options.resolve(name, (_name, address) => found(address, port, name));
}

/** Is it an IPv4 address in full, without leading zeros: four numbers up to 255? */
export function isIpv4(name: string): boolean {
  const parts = name.split(".");
  return parts.length === 4 && parts.every((part) => String(Number(part) & 255) === part);
}
