// SPDX-License-Identifier: MIT
/** `/devices/query`: twins that a condition fits. Source: "Query", IoT Hub REST reference. */
import type { JsonObject } from "../../json-reader";
import { object, text } from "../../shapes";
import type { DeviceRecord } from "../../records";
import { type Api, pageResponse } from "../api";
import { sectionsOf, twinDocument } from "./documents";
import type { HubContext } from "./hub-context";
import { type Lookup, parseQuery, valueAt } from "./query-language";

const BODY = object({ query: text(4096) }, "all");

/** Adds the route. */
export function queryRoutes(api: Api, context: HubContext): void {
  api.on("POST", "/devices/query", "ServiceConnect", async (call) => {
    const { select, where, top } = parseQuery((await call.body(BODY)).query);
    const devices = [...context.devices.all(call.host)];
    const found = devices.filter((device) => where(lookupOf(context, call.host, device)));
    if (select.kind === "aggregates") {
      const all = found.map((device) => lookupOf(context, call.host, device));
      const row = Object.fromEntries(select.aggregates.map(({ name, over }) => [name, over(all)]));
      return pageResponse([row], undefined, "Raw");
    }
    const limited = top === undefined ? found : sorted(found).slice(0, top);
    const { items, next } = call.page(limited, ({ deviceId }) => deviceId);
    if (select.kind === "all")
      return pageResponse(
        items.map((device) => twinDocument(context, call.host, device)),
        next,
        "Twin",
      );
    const rows = items.map((device) => {
      const lookup = lookupOf(context, call.host, device);
      const cells = select.fields.map(({ name, value }) => [name, value(lookup)] as const);
      return Object.fromEntries(cells.filter(([, value]) => value !== undefined));
    });
    return pageResponse(rows, next, "Raw");
  });
}

/** Looks a value up in a twin, of which only what is asked for is made. */
export function lookupOf(context: HubContext, hub: string, device: DeviceRecord): Lookup {
  let whole: JsonObject | undefined;
  return ([root = "", ...path]) => {
    if (root === "deviceId") return path.length === 0 ? device.deviceId : undefined;
    if (root === "tags") return valueAt(device.twin.tags, path);
    if (root === "properties") return valueAt(sectionsOf(device), path);
    whole ??= twinDocument(context, hub, device);
    return valueAt(whole, [root, ...path]);
  };
}

function sorted(devices: DeviceRecord[]): DeviceRecord[] {
  return devices.sort((one, other) => (one.deviceId < other.deviceId ? -1 : 1));
}
