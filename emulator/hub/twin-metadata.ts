// SPDX-License-Identifier: MIT
/** When the properties of a twin changed. Source: "Understand and use device twins in IoT Hub", "Device twin metadata". */
import type { JsonObject } from "../json-reader";
import { isJsonObject } from "../shapes";
import type { Twin } from "../records";

/** Azure's date for what never happened. */
export const NEVER = "0001-01-01T00:00:00Z";

/** Notes that `patch` was merged into a section. @param now milliseconds since 1970 */
export function stampTwin(twin: Twin, section: "desired" | "reported", patch: JsonObject, now: number): void {
  const stamp = {
    $lastUpdated: new Date(now).toISOString(),
    ...(section === "desired" ? { $lastUpdatedVersion: twin.desiredVersion } : {}),
  };
  twin.metadata = { ...twin.metadata, [section]: stamped(metadataOf(twin, section), patch, stamp) };
}

/** The `$metadata` of a section. */
export function metadataOf(twin: Twin, section: "desired" | "reported"): JsonObject {
  return twin.metadata?.[section] ?? stamped({}, twin[section], { $lastUpdated: NEVER });
}

/** `old` with `stamp` on itself and on each property that `patch` names; null removes one. */
function stamped(old: JsonObject, patch: JsonObject, stamp: JsonObject): JsonObject {
  // Entries and fromEntries define own members, so that a key like __proto__ stays a key.
  const members = new Map(Object.entries({ ...old, ...stamp }));
  for (const [key, value] of Object.entries(patch)) {
    const former = members.get(key);
    if (value === null) members.delete(key);
    else
      members.set(
        key,
        isJsonObject(value) ? stamped(isJsonObject(former) ? former : {}, value, stamp) : stamp,
      );
  }
  return Object.fromEntries(members);
}
