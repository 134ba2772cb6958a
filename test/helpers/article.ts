// SPDX-License-Identifier: MIT
/** What the public articles on DPS over MQTT have a person do, step by step. */
import { createHmac } from "node:crypto";

/** Python's `urllib.parse.quote_plus`. */
function quotePlus(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The article's `generate_sas_token`, with the resource in the plural and the expiry in seconds from now. */
export function articleToken(uri: string, key: string, policy: string | undefined, expiry = 3600): string {
  const se = String(Math.floor(Date.now() / 1000 + expiry));
  const sig = createHmac("sha256", Buffer.from(key, "base64"))
    .update(`${quotePlus(uri)}\n${se}`)
    .digest("base64");
  const fields = { sr: uri, sig, se, ...(policy === undefined ? {} : { skn: policy }) };
  const encoded = Object.entries(fields).map(([name, value]) => `${name}=${quotePlus(value)}`);
  return `SharedAccessSignature ${encoded.join("&")}`;
}

/** The topics it names. */
export const RESPONSES = "$dps/registrations/res/#";
export const registerTopic = (requestId: number) =>
  `$dps/registrations/PUT/iotdps-register/?$rid=${requestId}`;
export const pollTopic = (requestId: number, operationId: string) =>
  `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${requestId}&operationId=${operationId}`;
