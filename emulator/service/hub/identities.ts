// SPDX-License-Identifier: MIT
/** `/devices`: identities of a hub. Source: "Devices", "Bulk registry", "Statistics" of the IoT Hub REST reference. */
import * as v from "valibot";
import { patchSection } from "../../hub/twin";
import { DEVICE_ID_RULE, isDeviceId } from "../../names";
import { list, maybe, object, text } from "../../shapes";
import type { DeviceRecord } from "../../records";
import { type Api, type Call, LARGEST_PAGE, pageResponse, quotedTag } from "../api";
import { checkIfMatch } from "../etag";
import { ServiceError } from "../service-error";
import { identityDocument, identityEtag, twinEtag } from "./documents";
import { deviceOf, type HubContext } from "./hub-context";
import { authenticationOf, IDENTITY, IDENTITY_BODY, type IdentityBody } from "./identity-body";
import { TWIN_PATCH, type TwinPatch, writeTwin } from "./twins";

/** Devices of one bulk request, Azure's limit. */
const LARGEST_BULK = 100;

/** What is done to one device of a bulk request. */
const MODES = [
  "create",
  "update",
  "updateifmatchetag",
  "createorupdate",
  "createorupdateifmatchetag",
  "delete",
  "deleteifmatchetag",
  "updatetwin",
  "updatetwinifmatchetag",
] as const;

const BULK = v.pipe(
  list(
    object(
      {
        id: text(128),
        // The SDK for Node.js writes it in lower and in upper case.
        importMode: v.pipe(
          text(32),
          v.toLowerCase(),
          v.picklist(MODES, `must be one of ${MODES.join(", ")}, in upper or lower case`),
        ),
        eTag: maybe(text(128)),
        etag: maybe(text(128)),
        twinETag: maybe(text(128)),
        ...IDENTITY,
        ...TWIN_PATCH,
      },
      "all",
    ),
    LARGEST_BULK,
  ),
  v.minLength(1, "is empty"),
);
type BulkEntry = v.InferOutput<typeof BULK>[number];

/** Adds the routes. */
export function identityRoutes(api: Api, context: HubContext): void {
  const { devices } = context;
  const answer = (hub: string, device: DeviceRecord) =>
    Response.json(identityDocument(context, hub, device), { headers: quotedTag(identityEtag(device)) });

  api.on("GET", "/devices", "RegistryRead", (call) => {
    const { items } = call.page([...devices.all(call.host)], ({ deviceId }) => deviceId, LARGEST_PAGE);
    return pageResponse(items.map((device) => identityDocument(context, call.host, device)));
  });
  api.on("GET", "/devices/:id", "RegistryRead", (call) =>
    answer(call.host, deviceOf(context, call.host, call.param("id"))),
  );
  api.on("PUT", "/devices/:id", "RegistryWrite", async (call) => {
    const id = call.param("id");
    const { deviceId = id, ...body } = await call.body(IDENTITY_BODY);
    if (deviceId !== id)
      throw new ServiceError("ArgumentInvalid", "the body's deviceId is not that of the path");
    const ifMatch = call.header("if-match");
    const device =
      ifMatch === undefined
        ? create(context, call.host, id, body)
        : update(context, call.host, id, body, ifMatch);
    await context.settled();
    return answer(call.host, device);
  });
  api.on("DELETE", "/devices/:id", "RegistryWrite", async (call) => {
    remove(context, call.host, call.param("id"), call.header("if-match"));
    await context.settled();
    return new Response(null, { status: 204 });
  });
  api.on("POST", "/devices", "RegistryWrite", (call) => bulk(context, call));
  api.on("GET", "/statistics/devices", "RegistryRead", ({ host }) => {
    const total = devices.count(host);
    const enabled = [...devices.all(host)].filter(({ status }) => status === "enabled").length;
    return Response.json({
      totalDeviceCount: total,
      enabledDeviceCount: enabled,
      disabledDeviceCount: total - enabled,
    });
  });
  api.on("GET", "/statistics/service", "ServiceConnect", ({ host }) =>
    Response.json({ connectedDeviceCount: context.endpoint(host).connectedCount }),
  );
  api.on("DELETE", "/devices/:id/commands", "ServiceConnect", async (call) => {
    const device = deviceOf(context, call.host, call.param("id"));
    const purged = context.endpoint(call.host).purge(device);
    devices.touched(call.host, device);
    await context.settled();
    return Response.json({ deviceId: device.deviceId, totalMessagesPurged: purged });
  });
}

function create(context: HubContext, hub: string, deviceId: string, body: IdentityBody): DeviceRecord {
  const { devices } = context;
  if (!isDeviceId(deviceId)) throw new ServiceError("ArgumentInvalid", `deviceId ${DEVICE_ID_RULE}`);
  if (devices.get(hub, deviceId))
    throw new ServiceError("DeviceAlreadyExists", `A device with ID '${deviceId}' is already registered.`);
  const device = devices.create(hub, deviceId, authenticationOf(body, undefined));
  setStatus(context, hub, device, body);
  return device;
}

function update(
  context: HubContext,
  hub: string,
  deviceId: string,
  body: IdentityBody,
  ifMatch: string | undefined,
): DeviceRecord {
  const device = deviceOf(context, hub, deviceId);
  checkIfMatch(ifMatch, identityEtag(device));
  device.authentication = authenticationOf(body, device.authentication);
  setStatus(context, hub, device, body);
  return device;
}

function setStatus(
  { devices, now }: HubContext,
  hub: string,
  device: DeviceRecord,
  { status, statusReason }: IdentityBody,
): void {
  devices.touched(hub, device);
  if (statusReason) device.statusReason = statusReason;
  else delete device.statusReason;
  if (status === undefined || status === device.status) return;
  devices.setStatus(hub, device.deviceId, status);
  device.statusUpdatedTime = new Date(now()).toISOString();
}

function remove(context: HubContext, hub: string, deviceId: string, ifMatch: string | undefined): void {
  checkIfMatch(ifMatch, identityEtag(deviceOf(context, hub, deviceId)));
  context.devices.remove(hub, deviceId);
  context.activity.forget(hub, deviceId);
}

async function bulk(context: HubContext, call: Call): Promise<Response> {
  const entries = await call.body(BULK);
  const errors: { deviceId: string; errorCode: number; errorStatus: string }[] = [];
  for (const entry of entries) {
    try {
      await apply(context, call.host, entry);
    } catch (error) {
      const { errorCode, message } =
        error instanceof RangeError
          ? new ServiceError("ArgumentInvalid", error.message)
          : (error as ServiceError);
      // Whatever else it is concerns all of them.
      if (errorCode === undefined) throw error;
      errors.push({ deviceId: entry.id, errorCode, errorStatus: message });
    }
  }
  await context.settled();
  const isSuccessful = errors.length === 0;
  return Response.json({ isSuccessful, errors, warnings: [] }, { status: isSuccessful ? 200 : 400 });
}

async function apply(context: HubContext, hub: string, entry: BulkEntry): Promise<void> {
  const { id, importMode, eTag, etag = eTag, twinETag, tags, properties, ...body } = entry;
  const patch: TwinPatch = { ...(tags ? { tags } : {}), ...(properties ? { properties } : {}) };
  const matching = importMode.endsWith("ifmatchetag");
  if (matching && etag === undefined && twinETag === undefined)
    throw new ServiceError("ArgumentInvalid", `importMode ${importMode} needs an eTag`);
  const device = context.devices.get(hub, id);
  switch (importMode.replace("ifmatchetag", "")) {
    case "delete":
      remove(context, hub, id, matching ? etag : undefined);
      return;
    case "updatetwin": {
      const found = deviceOf(context, hub, id);
      checkIfMatch(matching ? (twinETag ?? etag) : undefined, twinEtag(found));
      await writeTwin(context, hub, found, patch);
      return;
    }
    case "update":
      await writeTwin(context, hub, update(context, hub, id, body, matching ? etag : undefined), patch);
      return;
    case "createorupdate":
      if (device) {
        update(context, hub, id, body, matching ? etag : undefined);
        await writeTwin(context, hub, device, patch);
        return;
      }
  }
  // What a hub would refuse leaves no device behind.
  patchSection({}, patch.tags ?? {}, "tags");
  patchSection({}, patch.properties?.desired ?? {}, "desired");
  await writeTwin(context, hub, create(context, hub, id, body), patch);
}
