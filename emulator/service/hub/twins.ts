// SPDX-License-Identifier: MIT
/** `/twins`: device twins for services. Source: "Device twins" of the IoT Hub documents and REST reference. */
import type * as v from "valibot";
import { checkSection, patchSection } from "../../hub/twin";
import type { JsonObject } from "../../json-reader";
import { isJsonObject, JSON_OBJECT, maybe, object } from "../../shapes";
import type { DeviceRecord } from "../../records";
import { type Api, type Call, quotedTag } from "../api";
import { checkIfMatch } from "../etag";
import { twinDocument, twinEtag } from "./documents";
import { deviceOf, type HubContext } from "./hub-context";

/** Members of a twin that a service may write; the others are read-only and passed over. */
export const TWIN_PATCH = {
  tags: maybe(JSON_OBJECT),
  properties: maybe(object({ desired: maybe(JSON_OBJECT) }, "all")),
};
const TWIN_BODY = object(TWIN_PATCH, "all");
export type TwinPatch = v.InferOutput<typeof TWIN_BODY>;

/** Adds the routes. */
export function twinRoutes(api: Api, context: HubContext): void {
  const answer = (hub: string, device: DeviceRecord) =>
    Response.json(twinDocument(context, hub, device), { headers: quotedTag(twinEtag(device)) });
  const write = async (call: Call, patchOf: (device: DeviceRecord, body: TwinPatch) => TwinPatch) => {
    const body = await call.body(TWIN_BODY);
    const device = deviceOf(context, call.host, call.param("id"));
    checkIfMatch(call.header("if-match"), twinEtag(device));
    await writeTwin(context, call.host, device, patchOf(device, body));
    return answer(call.host, device);
  };
  api.on("GET", "/twins/:id", "ServiceConnect", (call) =>
    answer(call.host, deviceOf(context, call.host, call.param("id"))),
  );
  api.on("PATCH", "/twins/:id", "ServiceConnect", (call) => write(call, (_device, body) => body));
  api.on("PUT", "/twins/:id", "ServiceConnect", (call) =>
    write(call, ({ twin }, { tags = {}, properties: { desired = {} } = {} }) => {
      checkSection(withoutSystem(tags), "tags");
      checkSection(withoutSystem(desired), "desired");
      return {
        tags: replacement(twin.tags, withoutSystem(tags)),
        properties: { desired: replacement(twin.desired, withoutSystem(desired)) },
      };
    }),
  );
}

/**
 * Merges a patch into tags and desired properties, tells the device, and stores it.
 * @throws RangeError when a twin may not hold what would come of it; nothing is changed then
 */
export async function writeTwin(
  { devices, endpoint, settled }: HubContext,
  hub: string,
  device: DeviceRecord,
  patch: TwinPatch,
): Promise<void> {
  const { tags, properties } = patch;
  const desired = properties?.desired && withoutSystem(properties.desired);
  const newTags = tags && patchSection(device.twin.tags, withoutSystem(tags), "tags");
  // Both or neither.
  if (desired) patchSection(device.twin.desired, desired, "desired");
  if (newTags) {
    device.twin.tags = newTags;
    devices.touched(hub, device);
  }
  if (desired) await endpoint(hub).updateDesired(device.deviceId, desired);
  else await settled();
}

/** What a twin shows beside its properties, and is sent back with them. */
function withoutSystem(section: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(section).filter(([key]) => key !== "$metadata" && key !== "$version"),
  );
}

/** The patch that makes `wanted` of `old`. */
function replacement(old: JsonObject, wanted: JsonObject): JsonObject {
  const gone = Object.keys(old).filter((key) => !Object.hasOwn(wanted, key));
  return Object.fromEntries([
    ...gone.map((key) => [key, null] as const),
    ...Object.entries(wanted).map(([key, value]) => {
      const former = Object.hasOwn(old, key) ? old[key] : undefined;
      return [key, isJsonObject(value) && isJsonObject(former) ? replacement(former, value) : value] as const;
    }),
  ]);
}
