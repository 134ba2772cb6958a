// SPDX-License-Identifier: MIT
/** The topics of IoT Hub. Source: "Communicate with an IoT hub using MQTT" (Azure documents). */

export const TWIN_RESPONSE_FILTER = "$iothub/twin/res/#";
export const DESIRED_FILTER = "$iothub/twin/PATCH/properties/desired/#";
export const METHOD_FILTER = "$iothub/methods/POST/#";
export const CREDENTIALS_RESPONSE_FILTER = "$iothub/credentials/res/#";

/**
 * The filters under which a device receives its cloud-to-device messages, and none of another's: the documented one, and
 * the one that azure-sdk-for-c sends, so that it needs no device id.
 */
export function deviceBoundFilters(deviceId: string): readonly string[] {
  return [`devices/${deviceId}/messages/devicebound/#`, "devices/+/messages/devicebound/#"];
}

/** True for a filter that a hub grants; others get SUBACK 0x80. */
export function isHubFilter(deviceId: string, filter: string): boolean {
  return (
    deviceBoundFilters(deviceId).includes(filter) ||
    filter === TWIN_RESPONSE_FILTER ||
    filter === DESIRED_FILTER ||
    filter === METHOD_FILTER ||
    filter === CREDENTIALS_RESPONSE_FILTER
  );
}

/** What a device publishes. */
export type DeviceTopic =
  | { kind: "telemetry"; bag: string }
  | { kind: "twinGet"; requestId: string }
  | { kind: "twinReported"; requestId: string }
  | { kind: "issueCertificate"; requestId: string }
  | { kind: "methodResult"; status: number; requestId: string };

/** What `topic` means, undefined when a hub would close the connection. */
export function parseDeviceTopic(deviceId: string, topic: string): DeviceTopic | undefined {
  const telemetry = `devices/${deviceId}/messages/events`;
  if (topic === telemetry) return { kind: "telemetry", bag: "" };
  if (topic.startsWith(`${telemetry}/`)) return { kind: "telemetry", bag: topic.slice(telemetry.length + 1) };
  const [, path = "", requestId] = /^(\$iothub\/.*?)\/?\?\$rid=([^&]+)/.exec(topic) ?? [];
  if (requestId === undefined) return undefined;
  if (path === "$iothub/twin/GET") return { kind: "twinGet", requestId };
  if (path === "$iothub/twin/PATCH/properties/reported") return { kind: "twinReported", requestId };
  if (path === "$iothub/credentials/POST/issueCertificate") return { kind: "issueCertificate", requestId };
  const method = /^\$iothub\/methods\/res\/(-?\d{1,10})$/.exec(path);
  return method ? { kind: "methodResult", status: Number(method[1]), requestId } : undefined;
}
