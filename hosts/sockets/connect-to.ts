// SPDX-License-Identifier: MIT
import { isHostName } from "../../src/azure/identifiers";
import { isDigits, lowerCase } from "../../src/characters";
import { BerthError } from "../../src/error";

/** Where connections to one server, or to all, really go, as curl's `--connect-to` has it: to a local emulator, for example. */
export interface ConnectTo {
  /** Name of the server this is about, lower case; "" means any. */
  readonly host: string;
  /** Port this is about; undefined means any. */
  readonly port?: number | undefined;
  /** Address or name to connect to instead. */
  readonly address: string;
  /** Port to connect to instead; undefined keeps the port. */
  readonly toPort?: number | undefined;
}

/**
 * Reads entries, separated by commas: `HOST:ADDRESS:PORT`, or `HOST:PORT:ADDRESS:PORT` as curl writes it. An IPv6 address
 * stands in brackets; an empty HOST or first PORT means any, an empty last PORT keeps the port.
 * Only the address changes: the server must still prove HOST by its certificate.
 * @throws BerthError `invalid-argument` when an entry has another form
 */
export function parseConnectTo(text: string): ConnectTo[] {
  return text.split(",").map(parseEntry);
}

function parseEntry(entry: string): ConnectTo {
  const parts = partsOf(entry.trim());
  if (parts.length < 3 || parts.length > 4) throw wrong(entry, "three parts");
  const four = parts.length === 4;
  const [host = "", second = ""] = parts;
  const [written = "", port = ""] = parts.slice(-2);
  if (!isServer(written)) throw wrong(entry, "an ADDRESS");
  if (host !== "" && !isServer(host)) throw wrong(entry, "a HOST that is a name");
  return {
    host: lowerCase(bare(host)),
    port: four ? portOf(second, entry) : undefined,
    address: bare(written),
    toPort: portOf(port, entry),
  };
}

/** Split at each colon that stands in no brackets. */
function partsOf(entry: string): string[] {
  let parts: string[] = [];
  let inBrackets = false;
  let end = entry.length;
  for (let i = end - 1; i >= 0; i -= 1) {
    const character = entry.charAt(i);
    if (character === "]") inBrackets = true;
    else if (character === "[") inBrackets = false;
    else if (character === ":" && !inBrackets) {
      parts = [entry.slice(i + 1, end), ...parts];
      end = i;
    }
  }
  return [entry.slice(0, end), ...parts];
}

/** Address and port for `host` and `port`: those of the first entry that matches, else their own. */
export function connectTarget(
  entries: readonly ConnectTo[],
  host: string,
  port: number,
): { readonly address: string; readonly port: number } {
  const name = lowerCase(host);
  for (const entry of entries) {
    if (entry.host !== "" && entry.host !== name) continue;
    if (entry.port !== undefined && entry.port !== port) continue;
    return { address: entry.address, port: entry.toPort ?? port };
  }
  return { address: host, port };
}

/** Is it an IPv6 address, and no name? */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** A name, an IPv4 address, or one of IPv6 in brackets. */
function isServer(written: string): boolean {
  const name = bare(written);
  return name === written ? isIpv4(name) || isHostName(name) : isIpv6(name);
}

function bare(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

function portOf(value: string, entry: string): number | undefined {
  if (value === "") return undefined;
  const port = isDigits(value, 5) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw wrong(entry, "a PORT from 1 to 65535");
  return port;
}

function wrong(entry: string, missing: string): BerthError {
  return new BerthError(
    "invalid-argument",
    `"${entry}" is no HOST:ADDRESS:PORT (it lacks ${missing}), for example hub.example:127.0.0.1:8883`,
  );
}

/** Looks a name up with the DNS of the network: its addresses, the best first; none, or undefined, when it has none. */
export type Resolve = (
  name: string,
  done: (name: string, ...addresses: readonly (string | undefined)[]) => void,
) => void;

/**
 * Finds where to connect to for `host` and `port`.
 * @param found called with it, at once where no name has to be looked up; `addresses` is empty when DNS has none for `name`
 */
export function locate(
  options: {
    readonly host: string;
    readonly port: number;
    readonly connectTo?: readonly ConnectTo[] | undefined;
    readonly resolve: Resolve;
  },
  found: (addresses: readonly string[], port: number, name: string) => void,
): void {
  const { address: name, port } = connectTarget(options.connectTo ?? [], options.host, options.port);
  if (isIpv4(name) || isIpv6(name)) found([name], port, name);
  else {
    options.resolve(name, (_name, ...addresses) =>
      found(
        addresses.filter((address) => address !== undefined),
        port,
        name,
      ),
    );
  }
}

/** Is it an IPv4 address in full, without leading zeros: four numbers up to 255? */
export function isIpv4(name: string): boolean {
  const parts = name.split(".");
  return parts.length === 4 && parts.every((part) => String(Number(part) & 255) === part);
}
