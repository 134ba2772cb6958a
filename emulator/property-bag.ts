// SPDX-License-Identifier: MIT
/**
 * Property bags: the percent-encoded `key=value&...` at the end of an IoT Hub topic.
 * Source: "Communicate with an IoT hub using MQTT", sections on sending and receiving messages.
 */
import { decodePercent } from "./shared-access-signature";

/** Names to values; null for a key without `=`. System properties start with `$.`. */
export type Properties = Map<string, string | null>;

/** Decodes a bag; the `$` of a system property may come plain or as `%24`. @throws Error on broken percent-encoding */
export function parsePropertyBag(bag: string): Properties {
  const properties: Properties = new Map();
  // Some clients put a `?` in front, as in a URL.
  const text = bag.startsWith("?") ? bag.slice(1) : bag;
  for (const part of text.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const key = decodePercent(at < 0 ? part : part.slice(0, at));
    const value = at < 0 ? null : decodePercent(part.slice(at + 1));
    if (key === undefined || value === undefined)
      throw new Error("a property bag with broken percent-encoding");
    properties.set(key, value);
  }
  return properties;
}

/** Encodes a bag; half of a surrogate pair becomes U+FFFD, as in a body. */
export function formatPropertyBag(properties: Iterable<readonly [string, string | null]>): string {
  return [...properties]
    .map(([key, value]) => encoded(key) + (value === null ? "" : `=${encoded(value)}`))
    .join("&");
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
