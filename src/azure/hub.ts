// SPDX-License-Identifier: MIT
/**
 * IoT Hub over MQTT 3.1.1: user name and topics. Builds and parses, decides nothing.
 * Source: "Communicate with your IoT hub using the MQTT protocol".
 */
import { percentEncode } from "./percent";
import { decodeProperties, encodeProperties, type Properties } from "./properties";

/** The version of the hub's device API that this client speaks. */
export const HUB_API_VERSION = "2021-04-12";

/**
 * The user name of CONNECT.
 * @param modelId IoT Plug and Play model, `dtmi:...`
 */
export function hubUserName(hub: string, deviceId: string, modelId?: string): string {
  const user = `${hub}/${deviceId}/?api-version=${HUB_API_VERSION}`;
  return modelId === undefined ? user : `${user}&model-id=${percentEncode(modelId)}`;
}

/** Where a device publishes telemetry. */
export function telemetryTopic(deviceId: string, properties?: Properties): string {
  const bag = properties ? encodeProperties(properties) : "";
  return `devices/${deviceId}/messages/events/${bag}`;
}

/** The filter for cloud-to-device messages. */
export function cloudToDeviceFilter(deviceId: string): string {
  return `${cloudToDevicePrefix(deviceId)}#`;
}

/** The properties of a cloud-to-device topic, or undefined when the topic is another's. */
export function parseCloudToDevice(topic: string, deviceId: string): Properties | undefined {
  const prefix = cloudToDevicePrefix(deviceId);
  return topic.startsWith(prefix) ? decodeProperties(topic.slice(prefix.length)) : undefined;
}

function cloudToDevicePrefix(deviceId: string): string {
  return `devices/${deviceId}/messages/devicebound/`;
}
