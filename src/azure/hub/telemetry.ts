// SPDX-License-Identifier: MIT
/** Where telemetry goes. Source: "Communicate with your IoT hub using the MQTT protocol". */
import { encodeProperties, type Properties } from "../properties";

/** Where a device publishes telemetry. */
export function telemetryTopic(deviceId: string, properties?: Properties): string {
  const bag = properties ? encodeProperties(properties) : "";
  return `devices/${deviceId}/messages/events/${bag}`;
}
