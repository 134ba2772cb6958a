// SPDX-License-Identifier: MIT
/** Device twins. Source: "Understand and use device twins in IoT Hub" (Azure documents), and what hubs answered. */
import * as v from "valibot";
import { type Json, type JsonObject, parseJson, quoted, readJson } from "../json-reader";
import { ANY_OBJECT, JSON_OBJECT } from "../shapes";
import type { Twin } from "../records";

/** A part of a twin that has a limit of its own. */
export type TwinSection = "tags" | "desired" | "reported";

/** Bytes of a section; see `sizeOf`. */
const LARGEST_SECTION = { tags: 8 * 1024, desired: 32 * 1024, reported: 32 * 1024 };
/** Objects and arrays inside one another, the section itself counted. */
const DEEPEST = 10;
/** Bytes of UTF-8. */
const LONGEST_KEY = 1024;
const LONGEST_STRING = 4096;
/** 2^52, where Azure's integers end. */
const INTEGERS = 4_503_599_627_370_496;
/** From here on numbers are written with an exponent, and are no integers to a reader. */
const EXPONENTS = 1e21;

/** The document that answers a twin GET. */
export function twinDocument(twin: Twin): JsonObject {
  return {
    desired: { ...twin.desired, $version: twin.desiredVersion },
    reported: { ...twin.reported, $version: twin.reportedVersion },
  };
}

/** Reads a patch from bytes. @throws Error when it is no JSON object in UTF-8 */
export function parsePatch(bytes: Buffer): JsonObject {
  const patch = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), "twin patch");
  return readJson(JSON_OBJECT, patch, "twin patch");
}

/** A section of a stored or configured twin, with nothing that a hub would refuse. */
export function twinSection(section: TwinSection) {
  return v.pipe(
    ANY_OBJECT,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      try {
        checkSection(dataset.value, section);
      } catch (error) {
        addIssue({ message: `is nothing that a twin may hold: ${(error as Error).message}` });
      }
    }),
  );
}

/** @throws RangeError when a hub would refuse `value` as that section: its keys, values, nesting or size */
export function checkSection(value: JsonObject, section: TwinSection): void {
  check(value, 1);
  const size = sizeOf(value);
  const limit = LARGEST_SECTION[section];
  if (size > limit) throw new RangeError(`${section} would have ${size} bytes; at most ${limit} are allowed`);
}

/** A section with `patch` merged into it. @throws RangeError when a hub would refuse the patch, or what comes of it */
export function patchSection(old: JsonObject, patch: JsonObject, section: TwinSection): JsonObject {
  // Before merging, which follows the nesting.
  check(patch, 1);
  const merged = mergePatch(old, patch);
  checkSection(merged, section);
  return merged;
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

function check(value: Json, depth: number): void {
  if (typeof value === "string") checkString(value);
  if (typeof value === "number") checkNumber(value);
  if (typeof value !== "object" || value === null) return;
  if (depth > DEEPEST) throw new RangeError(`it nests more than ${DEEPEST} levels, arrays counted`);
  for (const [key, member] of Object.entries(value)) {
    if (!Array.isArray(value)) checkKey(key);
    check(member, depth + 1);
  }
}

function checkKey(key: string): void {
  const length = Buffer.byteLength(key);
  if (length > LONGEST_KEY)
    throw new RangeError(`a key has ${length} bytes; at most ${LONGEST_KEY} are allowed`);
  if (/[\p{Cc}.$# ]/u.test(key))
    throw new RangeError(
      `the key ${quoted(key)} holds a control character, a dot, a dollar sign, a hash or a blank; rename it`,
    );
}

function checkString(text: string): void {
  const length = Buffer.byteLength(text);
  if (length > LONGEST_STRING)
    throw new RangeError(`a string has ${length} bytes; at most ${LONGEST_STRING} are allowed`);
}

function checkNumber(value: number): void {
  if (!Number.isInteger(value) || Math.abs(value) >= EXPONENTS) return;
  if (value < -INTEGERS || value >= INTEGERS)
    throw new RangeError(
      `${value} is no integer from -${INTEGERS} to ${INTEGERS - 1}; write it as a fraction or a string`,
    );
}

/**
 * Bytes as Azure counts them: keys and strings in UTF-8 without control characters, 8 a number, 4 a boolean. An element
 * of an array counts one more here: of empty ones any number would be free.
 */
function sizeOf(value: Json): number {
  if (typeof value === "string") return Buffer.byteLength(value.replaceAll(/\p{Cc}/gu, ""));
  if (typeof value === "number") return 8;
  if (typeof value !== "object" || value === null) return 4;
  if (Array.isArray(value)) return value.reduce((sum: number, element) => sum + 1 + sizeOf(element), 0);
  return Object.entries(value).reduce((sum, [key, member]) => sum + sizeOf(key) + sizeOf(member), 0);
}
