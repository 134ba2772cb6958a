// SPDX-License-Identifier: MIT
/**
 * The property bag at the end of a telemetry or cloud-to-device topic: `a=1&b=two%20words&flag`.
 * Source: "Communicate with your IoT hub using the MQTT protocol". A property without `=` has no value (null),
 * one with an empty value ends in `=`.
 */
import { invalidArgument } from "../error";
import { percentDecode, percentEncode } from "./percent";

/** Names to values; null is a name that stands alone. */
export type Properties = Readonly<Record<string, string | null>>;

/** System properties of a message, by the names that the topic uses. */
export const SystemProperty = Object.freeze({
  MESSAGE_ID: "$.mid",
  CORRELATION_ID: "$.cid",
  USER_ID: "$.uid",
  CONTENT_TYPE: "$.ct",
  CONTENT_ENCODING: "$.ce",
  CREATION_TIME: "$.ctime",
  COMPONENT: "$.sub",
} as const);

/**
 * The bag as text, empty for no properties. `$` of a system property is sent as `%24`, as Microsoft's C SDKs do.
 * @throws BerthError `invalid-argument` for an empty name or a lone surrogate
 */
export function encodeProperties(properties: Properties): string {
  let bag = "";
  for (const name of Object.keys(properties)) {
    if (name === "") throw invalidArgument("a property with an empty name");
    const value = properties[name];
    if (bag) bag += "&";
    bag += percentEncode(name);
    if (value !== null && value !== undefined) bag += `=${percentEncode(value)}`;
  }
  return bag;
}

/** The properties of a bag; a name or value that is ill-formed is taken as it stands. The last of a name wins. */
export function decodeProperties(bag: string): Properties {
  // No prototype: a bag with a property `__proto__` is only a bag with that property.
  const properties: Record<string, string | null> = Object.create(null);
  for (const part of bag.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? null : part.slice(equals + 1);
    properties[percentDecode(name) ?? name] = value === null ? null : (percentDecode(value) ?? value);
  }
  return properties;
}
