// SPDX-License-Identifier: MIT
/**
 * Name constraints of a server's chain, RFC 5280 sections 4.2.1.10 and 6.1.3 (b), (c). OpenSSL has judged them, but it
 * passes over those that it cannot read, over those of the server's own certificate, and over a wildcard whose names
 * are partly excluded. The host that is asked for is judged here, and what OpenSSL passes over.
 */
import { isIPv4, isIPv6 } from "node:net";
import { DER, type Element, elements, extensionsOf } from "./der";

const SUBJECT_ALT_NAME = 17;
const NAME_CONSTRAINTS = 30;

/** GeneralName, whole tags (section 4.2.1.6). */
const DNS_NAME = 0x82;
const DIRECTORY_NAME = 0xa4;
const IP_ADDRESS = 0x87;
/** Context-specific, [0] to [8]. */
const LAST_FORM = 8;
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;

/** Letters, digits and hyphens between dots; a leading dot asks for one more label. Empty: every name. */
const DNS_BASE = /^(\.?[a-z\d_-]+(\.[a-z\d_-]+)*)?$/i;

interface Constraints {
  readonly permitted: readonly Element[];
  readonly excluded: readonly Element[];
}

/**
 * Why the names of the certificate `own`, or `host`, a name or an address, are not allowed; undefined when they are.
 * @param authorities DER of the certificates above it, the root's included
 */
export function constraintFault(
  host: string,
  own: Buffer,
  authorities: readonly Buffer[],
): string | undefined {
  if (extensionsOf(own, NAME_CONSTRAINTS).length > 0) {
    return "the server's certificate has name constraints, which only an issuer may have";
  }
  const names = [hostName(host), ...wildcardsOf(own)];
  for (const value of authorities.flatMap((der) => extensionsOf(der, NAME_CONSTRAINTS))) {
    const constraints = parse(value);
    if (!constraints) return "an issuer's name constraints cannot be read";
    if (!names.every((name) => isAllowed(name, constraints))) {
      return "an issuer's name constraints do not allow the server's name";
    }
  }
  return undefined;
}

function hostName(host: string): Element {
  if (isIPv4(host)) return { tag: IP_ADDRESS, body: Buffer.from(host.split(".").map(Number)) };
  if (isIPv6(host)) return { tag: IP_ADDRESS, body: ipv6Bytes(host) };
  return { tag: DNS_NAME, body: Buffer.from(host.replace(/\.$/, "")) };
}

/** URL writes an IPv6 address without its short forms of IPv4. */
function ipv6Bytes(address: string): Buffer {
  const text = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = text.split("::").map((half) => half.split(":").filter(Boolean));
  const groups = [...head, ...new Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function wildcardsOf(der: Buffer): Element[] {
  const names = extensionsOf(der, SUBJECT_ALT_NAME).flatMap((value) => elements(elements(value)[0]?.body));
  return names.filter(({ tag, body }) => tag === DNS_NAME && body.subarray(0, 2).equals(Buffer.from("*.")));
}

function isAllowed(name: Element, { permitted, excluded }: Constraints): boolean {
  const bases = permitted.filter(({ tag }) => tag === name.tag);
  const within = bases.length === 0 || bases.some((base) => isWithin(name, base));
  return within && !excluded.some((base) => base.tag === name.tag && touches(name, base));
}

function isWithin({ tag, body }: Element, base: Element): boolean {
  if (tag === IP_ADDRESS) {
    const mask = base.body.subarray(body.length);
    return (
      mask.length === body.length &&
      body.every((byte, i) => ((byte ^ (base.body[i] ?? 0)) & (mask[i] ?? 0)) === 0)
    );
  }
  return dnsWithin(textOf(body), textOf(base.body));
}

/** Zero or more labels before `base`; before one with a leading dot at least one. */
function dnsWithin(name: string, base: string): boolean {
  if (base === "" || base === name) return true;
  return name.endsWith(base.startsWith(".") ? base : `.${base}`);
}

/** Is `name`, or one that it covers as a wildcard, within `base`? */
function touches(name: Element, base: Element): boolean {
  if (isWithin(name, base)) return true;
  const text = textOf(name.body);
  const dot = textOf(base.body).indexOf(".");
  return (
    name.tag === DNS_NAME &&
    text.startsWith("*.") &&
    dot > 0 &&
    text.slice(1) === textOf(base.body).slice(dot)
  );
}

function textOf(body: Buffer): string {
  return body.toString("latin1").toLowerCase();
}

function parse(value: Buffer): Constraints | undefined {
  try {
    const [sequence, ...more] = elements(value);
    if (sequence?.tag !== DER.sequence || more.length > 0) return undefined;
    const lists = elements(sequence.body);
    const tags = lists.map(({ tag }) => tag);
    // In their order, each once, one at least.
    if (!["160", "161", "160,161"].includes(tags.join())) return undefined;
    const basesOf = (tag: number): Element[] =>
      lists.filter((list) => list.tag === tag).flatMap((list) => elements(list.body).map(baseOf));
    const found = { permitted: basesOf(PERMITTED), excluded: basesOf(EXCLUDED) };
    return lists.every(({ body }) => body.length > 0) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** minimum must be 0, which DER leaves out, and maximum must not be there. @throws Error */
function baseOf(subtree: Element): Element {
  const [base, ...more] = elements(subtree.body);
  if (subtree.tag !== DER.sequence || base === undefined || more.length > 0 || !isBase(base)) {
    throw new Error("no subtree");
  }
  return base;
}

function isBase({ tag, body }: Element): boolean {
  if (tag === DNS_NAME) return DNS_BASE.test(body.toString("latin1"));
  if (tag === IP_ADDRESS) return body.length === 8 || body.length === 32;
  if (tag === DIRECTORY_NAME) return elements(body)[0]?.tag === DER.sequence;
  return (tag & 0xc0) === 0x80 && (tag & 0x1f) <= LAST_FORM;
}
