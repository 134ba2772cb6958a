// SPDX-License-Identifier: MIT
/**
 * Reads the few fields of an X.509 certificate (RFC 5280, section 4.1) that decide whether a root is usable and
 * why a server was refused. It judges no signature.
 */
import { BerthError } from "../../src/error";

/** Milliseconds since 1970, and names in lower case. Anyone can send a certificate: what is kept of it is bounded. */
export interface CertificateFields {
  readonly notBefore: number;
  readonly notAfter: number;
  /** dNSName entries of subjectAltName; those that no host can have are left out. */
  readonly names: readonly string[];
  /** iPAddress entries of subjectAltName, IPv4 as dotted text; others are left out. */
  readonly addresses: readonly string[];
}

/** The longest DNS name (RFC 1035, section 3.1); a longer one stands for no host. */
const LONGEST_NAME = 253;
/** Names and addresses that are kept; servers have a few. */
const MOST_NAMES = 100;

/** DER tags. */
const TAG = Object.freeze({
  SEQUENCE: 0x30,
  INTEGER: 0x02,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  VERSION: 0xa0,
  EXTENSIONS: 0xa3,
  DNS_NAME: 0x82,
  IP_ADDRESS: 0x87,
});

/** id-ce-subjectAltName, 2.5.29.17. */
const SUBJECT_ALT_NAME = "85,29,17";

/** @throws BerthError `invalid-argument` when `der` is no certificate */
export function readCertificate(der: Uint8Array): CertificateFields {
  const certificate = new Der(der).enter(TAG.SEQUENCE);
  const body = certificate.enter(TAG.SEQUENCE);
  if (body.peek() === TAG.VERSION) body.skip();
  body.skip(TAG.INTEGER);
  body.skip(TAG.SEQUENCE);
  body.skip(TAG.SEQUENCE);
  const validity = body.enter(TAG.SEQUENCE);
  const notBefore = validity.time();
  const notAfter = validity.time();
  body.skip(TAG.SEQUENCE);
  body.skip(TAG.SEQUENCE);
  const names: string[] = [];
  const addresses: string[] = [];
  while (body.more) {
    if (body.peek() !== TAG.EXTENSIONS) body.skip();
    else alternativeNames(body.enter(TAG.EXTENSIONS), names, addresses);
  }
  return { notBefore, notAfter, names, addresses };
}

/** Does `host`, a name or an IPv4 address, stand in the certificate? A wildcard covers one label (RFC 6125). */
export function coversHost(certificate: CertificateFields, host: string): boolean {
  const name = host.toLowerCase();
  if (certificate.addresses.includes(name)) return true;
  const dot = name.indexOf(".");
  return certificate.names.some(
    (entry) => entry === name || (entry.startsWith("*.") && dot > 0 && entry.slice(1) === name.slice(dot)),
  );
}

function alternativeNames(extensions: Der, names: string[], addresses: string[]): void {
  const list = extensions.enter(TAG.SEQUENCE);
  while (list.more) {
    const extension = list.enter(TAG.SEQUENCE);
    if (extension.take(TAG.OID).join() !== SUBJECT_ALT_NAME) continue;
    if (extension.peek() !== TAG.OCTET_STRING) extension.skip();
    const entries = new Der(extension.take(TAG.OCTET_STRING)).enter(TAG.SEQUENCE);
    while (entries.more && names.length + addresses.length < MOST_NAMES) {
      const tag = entries.peek();
      const value = entries.take(tag);
      if (tag === TAG.DNS_NAME && value.length <= LONGEST_NAME) names.push(ascii(value).toLowerCase());
      else if (tag === TAG.IP_ADDRESS && value.length === 4) addresses.push(value.join("."));
    }
  }
}

/** A cursor over DER (X.690): definite lengths only. */
class Der {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
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
