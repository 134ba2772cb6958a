// SPDX-License-Identifier: MIT
/** Reads untrusted JSON into types, with errors that name the place in the document and show nothing that it holds. */
import * as v from "valibot";

/** What is wrong in a document, where (`enrollments[2].attestation.type`), and what to do about it. */
export class DocumentError extends Error {
  /** The place in the document, in the notation of JavaScript; empty for the whole document. */
  readonly path: string;

  constructor(source: string, path: string, problem: string) {
    super(`${source}: ${path === "" ? "the document" : path} ${problem}`);
    this.name = "DocumentError";
    this.path = path;
  }
}

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  [key: string]: Json;
}

/** As many characters of a name are shown. */
const LONGEST_NAME = 64;

/** A name for a message: bounded and, where it is no plain word, quoted. */
function nameOf(key: string): string {
  return /^[\w$.-]*$/.test(key) ? shortened(key) : quoted(key);
}

/** Text for a message: bounded, in quotation marks, without a character that a terminal obeys. */
export function quoted(text: string): string {
  // JSON leaves DEL and C1 as they are.
  return JSON.stringify(shortened(text)).replaceAll(
    /[\u007f-\u009f]/g,
    (control) => `\\u00${hexOf(control)}`,
  );
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16);
}

function shortened(text: string): string {
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}

/** `enrollments[2].attestation` for those keys. */
function placeOf(keys: readonly unknown[]): string {
  return keys.reduce<string>((place, key) => {
    if (typeof key === "number") return `${place}[${key}]`;
    return place === "" ? nameOf(String(key)) : `${place}.${nameOf(String(key))}`;
  }, "");
}

/**
 * What the engine says is wrong, without what it quotes of the document from the place on: there a key may stand whose
 * quotation marks were forgotten. V8 quotes ten characters on each side.
 */
function withoutWhatFollows(message: string): string {
  const [, what, before] =
    /^(Unexpected token .+?), (?:\.\.\."(.{10}))?.*is not valid JSON$/s.exec(message) ?? [];
  if (what === undefined) return message;
  return before === undefined ? what : `${what} behind ${JSON.stringify(before)}`;
}

/** @throws DocumentError when `text` is not JSON */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DocumentError(source, "", `is not JSON: ${withoutWhatFollows((error as Error).message)}`);
  }
}

/** `value` as `schema` has it. @throws DocumentError for the first place where it is something else */
export function readJson<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  source: string,
): v.InferOutput<S> {
  // The library's own messages show what was received; this one stands in for any that a schema does not word.
  const result = v.safeParse(schema, value, { abortEarly: true, message: "is not what belongs here" });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new DocumentError(source, placeOf((issue.path ?? []).map(({ key }) => key)), issue.message);
}
