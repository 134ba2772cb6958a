// SPDX-License-Identifier: MIT
/** What documents are made of, as schemas whose messages say what to write and never what was read. */
import * as v from "valibot";
import type { JsonObject } from "./json-reader";

/** A non-empty string of at most `maximum` characters. */
export function text(maximum = 1024) {
  const empty = "must be a non-empty string";
  return v.pipe(
    v.string(empty),
    v.nonEmpty(empty),
    v.maxLength(maximum, ({ input }) => `has ${input.length} characters; at most ${maximum} are allowed`),
  );
}

/** A string, which may be empty. */
export const ANY_TEXT = v.string("must be a string");

/** True or false. */
export const FLAG = v.boolean("must be true or false");

/** A number from `minimum` to `maximum`. */
export function number(minimum: number, maximum: number) {
  const message = `must be a number from ${minimum} to ${maximum}`;
  return v.pipe(v.number(message), v.minValue(minimum, message), v.maxValue(maximum, message));
}

/** A whole number from `minimum` to `maximum`. */
export function whole(minimum: number, maximum: number) {
  const message = `must be a whole number from ${minimum} to ${maximum}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(minimum, message),
    v.maxValue(maximum, message),
  );
}

/** One of `choices`. */
export function choice<const T extends readonly string[]>(choices: T) {
  return v.picklist(choices, choiceMessage(choices));
}

function choiceMessage(choices: readonly string[]): string {
  return `must be one of ${choices.map((one) => `"${one}"`).join(", ")}`;
}

/** An array of at most `maximum` elements. */
export function list<S extends v.GenericSchema>(element: S, maximum = 1_000_000) {
  return told(v.array(element), (value) => {
    if (!Array.isArray(value)) return "must be an array";
    return value.length > maximum
      ? `has ${value.length} elements; at most ${maximum} are allowed`
      : undefined;
  });
}

/** Any JSON object, as it is: a key `__proto__` stays one. How deep it nests is left to who takes it. */
export const ANY_OBJECT = v.custom<JsonObject>(isJsonObject, "must be an object");

/** Levels of nesting that are taken: far more than Azure's, far fewer than would end a recursion. */
const DEEPEST = 64;

/** Any JSON object, as it is, that can be written again. */
export const JSON_OBJECT = told(ANY_OBJECT, (value) =>
  isJsonObject(value) && isTooDeep(value) ? `nests more than ${DEEPEST} levels` : undefined,
);

function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((member) =>
      typeof member === "object" && member !== null
        ? Object.values(member).filter((inner) => typeof inner === "object" && inner !== null)
        : [],
    );
  }
  return false;
}

/** A member that may be absent, or null. */
export function maybe<S extends v.GenericSchema>(schema: S) {
  return v.exactOptional(schema);
}

/**
 * An object with these members; null counts as absent. A member that is neither here nor in `ignored` is refused: a
 * misspelt field must not be passed over in silence.
 * @param ignored members that are left out of what is read; `all` for any other
 */
export function object<const E extends v.ObjectEntries>(entries: E, ignored: readonly string[] | "all" = []) {
  const known = Object.keys(entries);
  const schema = v.strictObject(entries, ({ path }) => {
    const [{ key }] = path as [v.ObjectPathItem];
    const missing = Object.hasOwn(entries, key)
      ? v.safeParse(entries[key] as v.GenericSchema, undefined)
      : undefined;
    return (
      missing?.issues?.[0].message ?? `is not a known field; known here: ${[...known, ...ignored].join(", ")}`
    );
  });
  const isRead = (key: string) => known.includes(key) || !(ignored === "all" || ignored.includes(key));
  const run: (typeof schema)["~run"] = (dataset, config) => {
    const members = Object.entries(dataset.value as JsonObject);
    dataset.value = Object.fromEntries(members.filter(([key, value]) => value !== null && isRead(key)));
    return schema["~run"](dataset, config);
  };
  return told({ ...schema, ignored, "~run": run }, (value) =>
    isJsonObject(value) ? undefined : "must be an object",
  );
}

/** One of several objects, by the string in their member `key`. */
export function oneOf<const K extends string, const O extends v.VariantOptions<K>>(
  key: K,
  choices: readonly string[],
  options: O,
) {
  return told(v.variant(key, options, choiceMessage(choices)), (value) =>
    isJsonObject(value) ? undefined : "must be an object",
  );
}

/** `schema`, but what `problem` finds in the value that comes in is told first. */
export function told<S extends v.GenericSchema>(
  schema: S,
  problem: (value: unknown) => string | undefined,
): S {
  const run: S["~run"] = (dataset, config) => {
    const message = problem(dataset.value);
    if (message === undefined) return schema["~run"](dataset, config);
    v._addIssue(schema, "type", dataset, config, { message });
    // With an issue it is one.
    return dataset as unknown as v.FailureDataset<v.BaseIssue<unknown>>;
  };
  return { ...schema, "~run": run };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
