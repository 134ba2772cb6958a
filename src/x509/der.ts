// SPDX-License-Identifier: MIT
/** As much DER (X.690) as certificates and requests for them need: definite lengths, tags of one byte. */
import { isDigits } from "../characters";
import { invalidArgument } from "../error";

/** Tags. */
export const TAG = Object.freeze({
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  /** [0], constructed: the version of a certificate, the attributes of a request. */
  CONTEXT_0: 0xa0,
});

/** A cursor over elements that stand one after another. Every method throws BerthError `invalid-argument` for what is no such DER. */
export class Der {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Nothing is left. */
  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The tag of the next element; 0 at the end. */
  peek(): number {
    return this.#bytes[this.#at] ?? 0;
  }

  skip(tag = this.peek()): void {
    this.take(tag);
  }

  enter(tag: number): Der {
    return new Der(this.take(tag));
  }

  /** The content of the next element, a view. */
  take(tag: number): Uint8Array {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== tag) throw broken();
    let start = this.#at + 2;
    let length = bytes[this.#at + 1] ?? 0;
    if (length > 0x7f) {
      const count = length & 0x7f;
      if (count < 1 || count > 3) throw broken();
      length = 0;
      for (let i = 0; i < count; i += 1) length = (length << 8) | (bytes[start + i] ?? 0);
      start += count;
    }
    if (start + length > bytes.length) throw broken();
    this.#at = start + length;
    return bytes.subarray(start, start + length);
  }

  /** The next element with its tag and length, a view. */
  whole(tag: number): Uint8Array {
    const from = this.#at;
    this.take(tag);
    return this.#bytes.subarray(from, this.#at);
  }

  /** UTCTime or GeneralizedTime in the forms of RFC 5280, section 4.1.2.5: milliseconds since 1970. */
  time(): number {
    const tag = this.peek();
    if (tag !== TAG.UTC_TIME && tag !== TAG.GENERALIZED_TIME) throw broken();
    const digits = tag === TAG.UTC_TIME ? 2 : 4;
    const value = this.take(tag);
    if (value.length !== digits + 11) throw broken();
    const text = ascii(value);
    const century = digits === 4 ? "" : text < "5" ? "20" : "19";
    const whole = century + text.slice(0, -1);
    if (!isDigits(whole) || !text.endsWith("Z")) throw broken();
    const part = (at: number): number => Number(whole.slice(at, at + 2));
    const time = Date.UTC(Number(whole.slice(0, 4)), part(4) - 1, part(6), part(8), part(10), part(12));
    // A day or an hour that is not in the calendar has become another one.
    const parts = new Date(time).toISOString();
    const digitsOf = (from: number): string => parts.slice(from, from + 2);
    const read = parts.slice(0, 4) + [5, 8, 11, 14, 17].map(digitsOf).join("");
    if (read !== whole) throw broken();
    return time;
  }
}

/** An element of `tag` around `parts`. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const long = length > 0xff ? 3 : length > 0x7f ? 2 : 1;
  const bytes = new Uint8Array(1 + long + length);
  bytes[0] = tag;
  if (long > 1) bytes[1] = 0x80 | (long - 1);
  if (long > 2) bytes[2] = length >> 8;
  bytes[long] = length & 0xff;
  let at = 1 + long;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Each byte as a character. Not by `...bytes`: each would take a slot of the device's stack, and a full stack ends the machine. */
export function ascii(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 1) text += String.fromCharCode(bytes[i] as number);
  return text;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function broken(): Error {
  return invalidArgument("no X.509 certificate in DER");
}
