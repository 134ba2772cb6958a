// SPDX-License-Identifier: MIT
/** Devices as a hub's service API shows them. Source: models of the npm package azure-iothub, and its REST reference. */
import { metadataOf, NEVER } from "../../hub/twin-metadata";
import type { Json, JsonObject } from "../../json-reader";
import type { DeviceRecord } from "../../records";
import { etagOf } from "../etag";
import type { HubContext } from "./hub-context";

/** The entity tag of an identity. */
export function identityEtag({ deviceId, status, statusReason, authentication, generationId }: DeviceRecord) {
  return etagOf([deviceId, status, statusReason, authentication, generationId]);
}

/** The entity tag of a twin: of what services write in it. */
export function twinEtag({ generationId, twin }: DeviceRecord): string {
  return etagOf([generationId, twin.tags, twin.desiredVersion]);
}

/** An identity, its keys included. */
export function identityDocument(context: HubContext, hub: string, device: DeviceRecord): JsonObject {
  const { deviceId, authentication } = device;
  const keys = authentication.type === "symmetricKey" ? authentication.symmetricKey : undefined;
  const { connectionStateUpdatedTime, ...status } = statusOf(context, hub, device);
  return {
    deviceId,
    generationId: device.generationId ?? "1",
    etag: identityEtag(device),
    ...status,
    connectionStateUpdatedTime,
    authentication: {
      symmetricKey: {
        primaryKey: keys?.primaryKey ?? null,
        secondaryKey: keys?.secondaryKey ?? null,
      },
      x509Thumbprint: thumbprints(device),
      type: authenticationType(device),
    },
  };
}

/** A twin. */
export function twinDocument(context: HubContext, hub: string, device: DeviceRecord): JsonObject {
  const { deviceId, twin } = device;
  const { statusUpdatedTime, connectionStateUpdatedTime: _, ...status } = statusOf(context, hub, device);
  return {
    deviceId,
    etag: twinEtag(device),
    deviceEtag: identityEtag(device),
    ...status,
    statusUpdateTime: statusUpdatedTime,
    authenticationType: authenticationType(device),
    x509Thumbprint: thumbprints(device),
    modelId: device.modelId ?? "",
    version: twin.desiredVersion + twin.reportedVersion,
    tags: twin.tags,
    properties: sectionsOf(device),
  };
}

/** The properties of a twin with `$metadata` and `$version`. */
export function sectionsOf({ twin }: DeviceRecord): JsonObject {
  return {
    desired: {
      ...twin.desired,
      $metadata: metadataOf(twin, "desired"),
      $version: twin.desiredVersion,
    },
    reported: {
      ...twin.reported,
      $metadata: metadataOf(twin, "reported"),
      $version: twin.reportedVersion,
    },
  };
}

function statusOf({ endpoint, activity }: HubContext, hub: string, device: DeviceRecord) {
  const { deviceId, status, statusReason, statusUpdatedTime, queue } = device;
  const times = activity.of(hub, deviceId);
  return {
    status,
    statusReason: statusReason ?? null,
    statusUpdatedTime: statusUpdatedTime ?? NEVER,
    connectionState: endpoint(hub).isConnected(deviceId) ? "Connected" : "Disconnected",
    connectionStateUpdatedTime: times.connectionStateUpdatedTime ?? NEVER,
    lastActivityTime: times.lastActivityTime ?? NEVER,
    cloudToDeviceMessageCount: queue.length,
    capabilities: { iotEdge: false },
  } satisfies Record<string, Json>;
}

function authenticationType({ authentication: { type } }: DeviceRecord): string {
  if (type === "issued") return "certificateAuthority";
  return type === "symmetricKey" ? "sas" : "selfSigned";
}

function thumbprints({ authentication }: DeviceRecord): JsonObject {
  const { type } = authentication;
  return {
    primaryThumbprint:
      type === "selfSigned"
        ? authentication.primaryThumbprint
        : type === "x509"
          ? authentication.sha256Thumbprint
          : null,
    secondaryThumbprint: type === "selfSigned" ? (authentication.secondaryThumbprint ?? null) : null,
  };
}
