// SPDX-License-Identifier: MIT
/**
 * The MQTT user name tells DPS and the hubs apart.
 * Source: "Communicate with DPS using the MQTT protocol" and "Communicate with an IoT hub using MQTT" (Azure documents).
 */
import { isDeviceId, isHostName, isModelId, isRegistrationId } from "./names";
import { decodePercent } from "./shared-access-signature";

/** Where a CONNECT wants to go. */
export type UserName = DpsUserName | HubUserName;

/** `{idScope}/registrations/{registrationId}/api-version=...` */
export interface DpsUserName {
  kind: "dps";
  idScope: string;
  registrationId: string;
  apiVersion: string;
}

/** `{hub}/{deviceId}/?api-version=...`; older clients leave out the `?`, or all that follows the device id. */
export interface HubUserName {
  kind: "hub";
  hub: string;
  deviceId: string;
  /** The model that the device says it implements (IoT Plug and Play). */
  modelId?: string;
}

/** The API versions of DPS that were seen on the wire or in a published specification. */
export const KNOWN_DPS_API_VERSIONS: readonly string[] = [
  "2018-09-01-preview",
  "2018-11-01",
  "2019-03-31",
  "2021-06-01",
  "2021-10-01",
  "2025-07-01-preview",
  "2026-11-01",
  "2026-11-02-preview",
  "2026-11-15-preview",
];

/** A user name longer than this is refused unread. */
const LONGEST = 2048;

/** What a user name asks for, or in words why it asks for nothing. */
export function parseUserName(text: string | undefined): UserName | { problem: string } {
  if (text === undefined || text === "")
    return { problem: "the user name is missing; send one (MQTT 3.1.1 section 3.1.3.4)" };
  if (text.length > LONGEST) return { problem: `the user name has more than ${LONGEST} characters` };
  const parts = text.split("/");
  const [first = "", second = "", third = ""] = parts;
  if (second === "registrations" && parts.length >= 3)
    return parseDps(first, third, parts.slice(3).join("/"));
  if (second === "registration" && isRegistrationId(third)) {
    return { problem: 'the user name says "registration"; the resource is "registrations", in the plural' };
  }
  if (!isHostName(first)) return { problem: "the user name starts with no host name of a hub" };
  if (!isDeviceId(second)) return { problem: "the user name holds no valid device id" };
  const query = parts.slice(2).join("/");
  // Microsoft's own SDKs sent no `?` until 2018, and a user name may end with the device id.
  if (query !== "" && !/^\?|^[\w-]+=/.test(query))
    return {
      problem: "modules are not served; connect a device, with nothing or /?api-version=... behind its id",
    };
  const fields = query.replace(/^\?/, "");
  const apiVersion = queryValue(fields, "api-version");
  if (apiVersion !== undefined && !isApiVersion(apiVersion))
    return { problem: "the api-version of the user name is not of the form YYYY-MM-DD" };
  const modelId = queryValue(fields, "model-id");
  return {
    kind: "hub",
    hub: first.toLowerCase(),
    deviceId: second,
    ...(isModelId(modelId) ? { modelId } : {}),
  };
}

function parseDps(idScope: string, registrationId: string, query: string): UserName | { problem: string } {
  if (!isRegistrationId(registrationId)) return { problem: "the user name holds no valid registration id" };
  if (query.startsWith("?"))
    return { problem: "the user name has a ? before api-version; for DPS there is none" };
  const apiVersion = queryValue(query, "api-version");
  if (!isApiVersion(apiVersion))
    return { problem: "the user name has no /api-version=YYYY-MM-DD after the registration id" };
  return { kind: "dps", idScope, registrationId, apiVersion };
}

function queryValue(query: string, key: string): string | undefined {
  for (const part of query.split("&"))
    if (part.startsWith(`${key}=`)) return decodePercent(part.slice(key.length + 1)) ?? "";
  return undefined;
}

function isApiVersion(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}(-preview)?$/.test(text);
}
