// SPDX-License-Identifier: MIT
/** Patches of a twin's properties: what IoT Hub takes, and two of them as one. Source: "Understand and use device twins". */
import { invalidArgument } from "../../error";
import { asJsonObject, type JsonObject } from "../json";
import { utf8Length } from "../percent";

/** Levels of objects and arrays that IoT Hub takes. */
const DEEPEST = 10;
/** Bytes of a key, and of a string. */
const LONGEST_KEY = 1_024;
const LONGEST_STRING = 4_096;

/**
 * Checks that IoT Hub can take `patch`: no key with a control character, `.`, `$`, `#` or a blank, or over 1 KB; no
 * string over 4 KB; no more than 10 levels; nothing that is no JSON.
 * @throws BerthError `invalid-argument` naming the key
 */
export function checkPatch(patch: JsonObject, depth = 1): void {
  if (depth > DEEPEST) throw invalidArgument(`properties nest deeper than ${DEEPEST} levels`);
  for (const key of Object.keys(patch)) {
    checkKey(key);
    checkValue(patch[key], key, depth);
  }
}

function checkValue(value: unknown, key: string, depth: number): void {
  switch (typeof value) {
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) throw invalidArgument(`the property ${key} is no finite number`);
      return;
    case "string":
      if (tooLong(value, LONGEST_STRING)) throw invalidArgument(`the property ${key} is over 4 KB of text`);
      return;
    case "object":
      if (Array.isArray(value)) {
        if (depth >= DEEPEST) throw invalidArgument(`properties nest deeper than ${DEEPEST} levels`);
        for (const element of value) checkValue(element, key, depth + 1);
      } else if (value) checkPatch(value as JsonObject, depth + 1);
      return;
    default:
      throw invalidArgument(`the property ${key} is no JSON`);
  }
}

function checkKey(key: string): void {
  let wrong = key === "" || tooLong(key, LONGEST_KEY);
  for (let i = 0; !wrong && i < key.length; i += 1) {
    const code = key.charCodeAt(i);
    wrong = code <= 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2e || code === 0x24 || code === 0x23;
  }
  if (wrong) {
    throw invalidArgument(
      `${JSON.stringify(key.slice(0, 40))} is no key of a property: 1 KB at most, without blanks, control characters, . $ #`,
    );
  }
}

function tooLong(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  if (text.length * 3 <= bytes) return false;
  try {
    return utf8Length(text) > bytes;
  } catch {
    // A lone surrogate is no text that JSON can carry.
    return true;
  }
}

/**
 * Two patches as one that does to any twin what they do one after the other: objects member by member, everything else
 * replaced, and null, which deletes, kept for the hub. Neither is changed.
 * @returns undefined where no one patch does that: an object upon what deletes or replaces first
 */
export function mergePatches(earlier: JsonObject, later: JsonObject): JsonObject | undefined {
  // Without a prototype, so that a key like __proto__ stays a key.
  const merged: Record<string, unknown> = Object.assign(Object.create(null), earlier);
  for (const key of Object.keys(later)) {
    const before = merged[key];
    const after = asJsonObject(later[key]);
    if (!after || before === undefined) merged[key] = later[key];
    else {
      const object = asJsonObject(before);
      const both = object && mergePatches(object, after);
      if (!both) return undefined;
      merged[key] = both;
    }
  }
  return merged;
}
