// SPDX-License-Identifier: MIT
/** Reads untrusted JSON into types, with errors that name the place in the document. */

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

/**
 * One value of a JSON document together with its place.
 * Every method raises `DocumentError` when the value is not what it asks for.
 */
export class JsonReader {
  readonly #value: unknown;
  readonly #source: string;
  /** The place of this value in the document. */
  readonly path: string;

  constructor(value: unknown, source: string, path = "") {
    this.#value = value;
    this.#source = source;
    this.path = path;
  }

  /** Parses `text`. @throws DocumentError when it is not JSON. */
  static parse(text: string, source: string): JsonReader {
    try {
      return new JsonReader(JSON.parse(text) as unknown, source);
    } catch (error) {
      throw new DocumentError(source, "", `is not JSON: ${withoutWhatFollows((error as Error).message)}`);
    }
  }

  /** Raises a `DocumentError` at this place; `problem` says what is wrong and what to do. */
  fail(problem: string): never {
    throw new DocumentError(this.#source, this.path, problem);
  }

  /** True when the key was absent or its value is null. */
  get missing(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  /** The member `key` of this object, missing when it has none. */
  get(key: string): JsonReader {
    const object = this.#object();
    return new JsonReader(
      Object.hasOwn(object, key) ? object[key] : undefined,
      this.#source,
      this.path === "" ? nameOf(key) : `${this.path}.${nameOf(key)}`,
    );
  }

  /** Refuses every key that is not in `known`: a misspelt field must not be ignored in silence. */
  only(known: readonly string[]): this {
    for (const key of Object.keys(this.#object())) {
      if (!known.includes(key)) this.get(key).fail(`is not a known field; known here: ${known.join(", ")}`);
    }
    return this;
  }

  /** The elements of this array; `maximum` bounds their number. */
  array(maximum = 1_000_000): JsonReader[] {
    if (!Array.isArray(this.#value)) this.fail("must be an array");
    if (this.#value.length > maximum)
      this.fail(`has ${this.#value.length} elements; at most ${maximum} are allowed`);
    return this.#value.map(
      (element, index) => new JsonReader(element, this.#source, `${this.path}[${index}]`),
    );
  }

  /** The members of this object. */
  entries(): [string, JsonReader][] {
    return Object.keys(this.#object()).map((key) => [key, this.get(key)]);
  }

  /** A non-empty string of at most `maximum` characters. */
  string(maximum = 1024): string {
    if (typeof this.#value !== "string" || this.#value === "") this.fail("must be a non-empty string");
    if (this.#value.length > maximum)
      this.fail(`has ${this.#value.length} characters; at most ${maximum} are allowed`);
    return this.#value;
  }

  /** A string, which may be empty. */
  text(): string {
    if (typeof this.#value !== "string") this.fail("must be a string");
    return this.#value;
  }

  /** A number from `minimum` to `maximum`. */
  number(minimum: number, maximum: number): number {
    if (typeof this.#value !== "number" || !(this.#value >= minimum && this.#value <= maximum)) {
      this.fail(`must be a number from ${minimum} to ${maximum}`);
    }
    return this.#value;
  }

  /** One of `choices`. */
  choice<const T extends string>(choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.#value);
    if (found === undefined) this.fail(`must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}`);
    return found;
  }

  /** True or false. */
  boolean(): boolean {
    if (typeof this.#value !== "boolean") this.fail("must be true or false");
    return this.#value;
  }

  /** A whole number from `minimum` to `maximum`. */
  integer(minimum: number, maximum: number): number {
    if (
      !Number.isInteger(this.#value) ||
      (this.#value as number) < minimum ||
      (this.#value as number) > maximum
    ) {
      this.fail(`must be a whole number from ${minimum} to ${maximum}`);
    }
    return this.#value as number;
  }

  /** This value as a JSON object, whatever it holds. */
  object(): JsonObject {
    return this.#object() as JsonObject;
  }

  /** This value as it is; it came out of a JSON parser. */
  json(): Json {
    return (this.#value ?? null) as Json;
  }

  #object(): Record<string, unknown> {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) {
      this.fail("must be an object");
    }
    return this.#value as Record<string, unknown>;
  }
}
