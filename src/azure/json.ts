// SPDX-License-Identifier: MIT
/** JSON as DPS and IoT Hub send it: bounded in depth, and never trusted to have a shape. */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object, for example a part of a twin. */
export type JsonObject = { readonly [name: string]: unknown };

/** Levels that an answer may nest. Azure's own bound for a twin is 10. */
const DEEPEST = 32;

/**
 * The value of `text`.
 * @throws Error when it is no JSON, or nests deeper than 32 levels
 */
export function parseJson(text: string): unknown {
  if (tooDeep(text)) throw new Error(`JSON nested deeper than ${DEEPEST} levels`);
  return JSON.parse(text);
}

/** The object that `text` holds, or undefined for anything else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    return asJsonObject(parseJson(text));
  } catch {
    return undefined;
  }
}

/** `value` where it is an object and no array. */
export function asJsonObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

/**
 * Does `json` nest deeper than 32 levels? JSON.parse of XS calls itself for each level, and ends the machine, not
 * in an exception, when the native stack is full: some kilobytes on the device.
 */
function tooDeep(json: string): boolean {
  // Most have a handful of brackets.
  if (json.split("{").length + json.split("[").length - 2 <= DEEPEST) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i += 1) {
    const character = json[i];
    if (inString) {
      if (character === "\\") i += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") {
      depth += 1;
      if (depth > DEEPEST) return true;
    } else if (character === "}" || character === "]") depth -= 1;
  }
  return false;
}
