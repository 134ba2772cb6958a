// SPDX-License-Identifier: MIT
/** Device twins. Source: "Understand and use device twins in IoT Hub" (Azure documents). */
import { type Json, type JsonObject, JsonReader } from "../json-reader";
import type { Twin } from "../state";

/** Deeper nesting is refused; Azure's bound is 10 levels of properties. */
const DEEPEST = 10;

/** The document that answers a twin GET. */
export function twinDocument(twin: Twin): JsonObject {
  return {
    desired: { ...twin.desired, $version: twin.desiredVersion },
    reported: { ...twin.reported, $version: twin.reportedVersion },
  };
}

/**
 * Reads a patch from bytes.
 * @throws Error when it is no JSON object, nests too deep, or names a key that starts with `$`
 */
export function parsePatch(bytes: Buffer): JsonObject {
  const patch = JsonReader.parse(
    new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    "twin patch",
  ).object();
  check(patch, 1);
  return patch;
}

/** `target` with `patch` merged into it: objects member by member, null deletes (RFC 7396). */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  // Entries and fromEntries define own members, so that a key like __proto__ stays a key.
  const merged = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = merged.get(key);
    if (value === null) merged.delete(key);
    else
      merged.set(
        key,
        isObject(value) ? mergePatch(old !== undefined && isObject(old) ? old : {}, value) : value,
      );
  }
  return Object.fromEntries(merged);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(value: JsonObject, depth: number): void {
  if (depth > DEEPEST) throw new Error(`the patch nests more than ${DEEPEST} levels`);
  for (const [key, member] of Object.entries(value)) {
    if (key.startsWith("$")) throw new Error(`the key ${key} is reserved`);
    if (isObject(member)) check(member, depth + 1);
  }
}
