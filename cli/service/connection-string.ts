// SPDX-License-Identifier: MIT
import { isHostName } from "../../src/azure/identifiers";
import { BerthError } from "../../src/error";

/** What a service proves itself with. */
export interface ServiceCredentials {
  /** Host name of a hub or of DPS, in lower case. */
  readonly host: string;
  readonly policy: string;
  /** Base64. */
  readonly key: string;
}

/**
 * Reads `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`.
 * @param source where it comes from, for messages
 * @throws BerthError `invalid-argument`; the message shows nothing of it
 */
export function parseConnectionString(text: string, source: string): ServiceCredentials {
  const parts = new Map<string, string>();
  for (const part of text.trim().split(";")) {
    const at = part.indexOf("=");
    if (at > 0) parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const wrong = (problem: string) => new BerthError("invalid-argument", `${source}: ${problem}`);
  if (parts.has("deviceid"))
    throw wrong("this is a device's connection string; take that of a policy, for example iothubowner");
  const [host, policy, key] = ["HostName", "SharedAccessKeyName", "SharedAccessKey"].map((name) => {
    const value = parts.get(name.toLowerCase());
    if (!value)
      throw wrong(`${name} is missing; it reads HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`);
    return value;
  }) as [string, string, string];
  if (!isHostName(host)) throw wrong("HostName is no host name");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key) || key.length % 4 !== 0)
    throw wrong("SharedAccessKey is not base64");
  return { host: host.toLowerCase(), policy, key };
}
