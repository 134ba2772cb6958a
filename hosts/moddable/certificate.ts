// SPDX-License-Identifier: MIT
/** Reads when an X.509 certificate (RFC 5280, section 4.1) is good. It judges no signature. */
import { BerthError } from "../../src/error";

/** Milliseconds since 1970. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** DER tags. */
const TAG = Object.freeze({
  SEQUENCE: 0x30,
  INTEGER: 0x02,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  VERSION: 0xa0,
});

/** @throws BerthError `invalid-argument` when `der` is no certificate */
export function readValidity(der: Uint8Array): Validity {
  const certificate = new Der(der).enter(TAG.SEQUENCE);
  const body = certificate.enter(TAG.SEQUENCE);
  if (body.peek() === TAG.VERSION) body.skip();
  body.skip(TAG.INTEGER);
  body.skip(TAG.SEQUENCE);
  body.skip(TAG.SEQUENCE);
  const validity = body.enter(TAG.SEQUENCE);
  return { notBefore: validity.time(), notAfter: validity.time() };
}

/** A cursor over DER (X.690): definite lengths only. */
class Der {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

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

  /** UTCTime or GeneralizedTime in the forms of RFC 5280, section 4.1.2.5. */
  time(): number {
    const tag = this.peek();
    if (tag !== TAG.UTC_TIME && tag !== TAG.GENERALIZED_TIME) throw broken();
    const digits = tag === TAG.UTC_TIME ? 2 : 4;
    const value = this.take(tag);
    if (value.length !== digits + 11) throw broken();
    const text = ascii(value);
    const century = digits === 4 ? "" : text < "5" ? "20" : "19";
    const whole = century + text.slice(0, -1);
    if (!/^\d{14}$/.test(whole) || !text.endsWith("Z")) throw broken();
    const part = (at: number): number => Number(whole.slice(at, at + 2));
    const time = Date.UTC(Number(whole.slice(0, 4)), part(4) - 1, part(6), part(8), part(10), part(12));
    // A day or an hour that is not in the calendar has become another one.
    if (new Date(time).toISOString().replace(/\D/g, "").slice(0, 14) !== whole) throw broken();
    return time;
  }
}

function ascii(bytes: Uint8Array): string {
  // Not by `...bytes`: each of them would take a slot of the device's stack, and a full stack ends the machine.
  let text = "";
  for (let i = 0; i < bytes.length; i += 1) text += String.fromCharCode(bytes[i] as number);
  return text;
}

function broken(): BerthError {
  return new BerthError("invalid-argument", "no X.509 certificate in DER");
}
