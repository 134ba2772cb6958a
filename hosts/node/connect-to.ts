// SPDX-License-Identifier: MIT
import { isIP } from "node:net";
import { isHostName } from "../../src/azure/identifiers";
import { BerthError } from "../../src/error";

/** Where a connection to one server really goes, as curl's `--connect-to` has it. */
export interface ConnectTo {
  /** Name of the server this is about, lower case; "" means any. */
  readonly host: string;
  /** Port this is about; undefined means any. */
  readonly port: number | undefined;
  /** Address or name to connect to instead. */
  readonly address: string;
  /** Port to connect to instead; undefined keeps the port. */
  readonly toPort: number | undefined;
}

/**
 * Reads `HOST:ADDRESS:PORT`, or `HOST:PORT:ADDRESS:PORT` as curl writes it. An IPv6 address stands in brackets;
 * an empty HOST or first PORT means any, an empty last PORT keeps the port.
 * Only the address changes: the server must still prove HOST by its certificate.
 * @throws BerthError `invalid-argument` when `entry` has another form.
 */
export function parseConnectTo(entry: string): ConnectTo {
  // At each colon that stands in no brackets.
  const parts = entry.split(/:(?![^[]*\])/);
  if (parts.length < 3 || parts.length > 4) throw wrong(entry, "three parts");
  const [host = "", second = ""] = parts;
  const four = parts.length === 4;
  const address = bare((four ? parts[2] : second) ?? "");
  if (!isServer(address)) throw wrong(entry, "an ADDRESS");
  const name = bare(host);
  if (name !== "" && !isServer(name)) throw wrong(entry, "a HOST that is a name");
  return {
    host: name.toLowerCase(),
    port: four ? portOf(second, entry) : undefined,
    address,
    toPort: portOf(parts[parts.length - 1] ?? "", entry),
  };
}

/** Address and port to connect to for `host` and `port`: those of the first entry that matches, else their own. */
export function connectTarget(
  entries: readonly ConnectTo[],
  host: string,
  port: number,
): { address: string; port: number } {
  const name = host.toLowerCase();
  for (const entry of entries) {
    if (entry.host !== "" && entry.host !== name) continue;
    if (entry.port !== undefined && entry.port !== port) continue;
    return { address: entry.address, port: entry.toPort ?? port };
  }
  return { address: host, port };
}

function isServer(name: string): boolean {
  return isHostName(name) || isIP(name) !== 0;
}

function bare(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

function portOf(value: string, entry: string): number | undefined {
  if (value === "") return undefined;
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) throw wrong(entry, "a PORT from 1 to 65535");
  return port;
}

function wrong(entry: string, missing: string): BerthError {
  return new BerthError(
    "invalid-argument",
    `"${entry}" is no HOST:ADDRESS:PORT (it lacks ${missing}), for example hub.example:127.0.0.1:8883`,
  );
}
