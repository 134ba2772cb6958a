// SPDX-License-Identifier: MIT
/** The user name of IoT Hub over MQTT 3.1.1, and its second name. Source: "Communicate with your IoT hub using the MQTT protocol". */
import { consistsOf, LETTER, lowerCase } from "../../characters";
import { percentEncode } from "../percent";

/** The version of the hub's device API that this client speaks. */
export const HUB_API_VERSION = "2021-04-12";

/** Of the hubs of all of Azure's clouds: `.net`, `.us`, `.cn`. */
const SUFFIX = "azure-devices.";

/**
 * The user name of CONNECT.
 * @param modelId IoT Plug and Play model, `dtmi:...`
 */
export function hubUserName(hub: string, deviceId: string, modelId?: string): string {
  const user = `${hub}/${deviceId}/?api-version=${HUB_API_VERSION}`;
  return modelId === undefined ? user : `${user}&model-id=${percentEncode(modelId)}`;
}

/**
 * The second name of a hub, at which it speaks TLS 1.3 and only the strong suites of 1.2: `{hub}.device.azure-devices.net`.
 * User name and token keep the first one. A name that is none of Azure's is its own.
 */
export function secondName(hub: string): string {
  const dot = hub.indexOf(".");
  const suffix = hub.slice(dot + 1);
  const top = suffix.slice(SUFFIX.length);
  const isAzure = dot > 0 && lowerCase(suffix).startsWith(SUFFIX) && top !== "" && consistsOf(top, LETTER);
  return isAzure ? `${hub.slice(0, dot)}.device.${suffix}` : hub;
}
