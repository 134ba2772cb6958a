// SPDX-License-Identifier: MIT
/** What a fuzz target is, and what targets share. Nothing here or in a target needs Node: they run inside XS too. */
import { BerthError, type ErrorCode } from "../../../src/error";
import type { TextCodec } from "../../../src/host";

/** Something that takes bytes of a peer or of flash. */
export interface Target {
  /**
   * Runs one input.
   * @returns what came of it in text, the same on each engine
   * @throws Error when a rule is broken; whatever the bytes are, they end in a value or in a typed error
   */
  run(bytes: Uint8Array, text: TextCodec): string;
  /** The largest buffer, in bytes, that the code under test may allocate, whatever comes. */
  readonly memory: number;
  /** Words of the format, for the mutations. */
  readonly tokens?: readonly string[];
  /** The same bytes with lengths that fit, so that a mutation reaches further in. */
  repair?(bytes: Uint8Array): Uint8Array;
}

export type Targets = Readonly<Record<string, Target>>;

/** @throws Error "broken rule: ..." */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}

/** The code of the BerthError that `work` ends in, which must be one of `codes`; undefined when it ends well. */
export function codeOf(codes: readonly ErrorCode[], work: () => void): ErrorCode | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof BerthError && codes.includes(error.code)) return error.code;
    throw error;
  }
  return undefined;
}

/** The text of `bytes`; where they are no UTF-8, a character a byte. */
export function textOf(bytes: Uint8Array, text: TextCodec): string {
  try {
    return text.decode(bytes);
  } catch {
    let characters = "";
    for (const byte of bytes) characters += String.fromCharCode(byte);
    return characters;
  }
}

/** Has `value` no lone surrogate? XS 13.3 has no `String.prototype.isWellFormed`. */
export function isWellFormed(value: string): boolean {
  try {
    encodeURIComponent(value);
    return true;
  } catch {
    return false;
  }
}

/** `bytes` in short: their number and a hash (FNV-1a). */
export function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length}:${(hash >>> 0).toString(16)}`;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * The members of `object` in text. Not its JSON: JSON.stringify of XS writes a name that is a whole number from 2^31 on
 * as a negative one.
 */
export function entriesOf(object: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.keys(object).map((name) => [name, object[name]]));
}

/** What a target that parses JSON returns for an input with such a number. */
export const BEYOND_XS = "a number with more digits than XS takes";

/** Is there a number of 200 digits or more? JSON.parse of XS refuses those of 256, that of Node takes them. */
export function isBeyondXs(bytes: Uint8Array): boolean {
  let digits = 0;
  for (const byte of bytes) {
    // Digits, and + - . E e.
    const belongs = (byte >= 0x2b && byte <= 0x39) || byte === 0x45 || byte === 0x65;
    digits = belongs ? digits + 1 : 0;
    if (digits >= 200) return true;
  }
  return false;
}

/** Reads an input from its start; past its end come zeros. */
export class Input {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** One of `list`, which is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.byte() % list.length] as T;
  }

  /** The next `count` bytes, or as many as there are; a copy. */
  take(count: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(Math.max(0, this.#bytes.length - this.#at));
  }
}
