// SPDX-License-Identifier: MIT
/** Reads of an X.509 certificate (RFC 5280, section 4.1) what a device has to know. It judges no signature. */
import { ascii, broken, Der, sameBytes, TAG } from "./der";

/** Milliseconds since 1970. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a certificate says. */
export interface Certificate extends Validity {
  /** Of the subject; the last one where there are several, undefined without any. */
  readonly commonName: string | undefined;
  /** SubjectPublicKeyInfo, DER, a view. */
  readonly publicKey: Uint8Array;
  /** Issuer and subject are the same: a root, which TLS need not send. */
  readonly selfIssued: boolean;
}

/** id-at-commonName, 2.5.4.3. */
const COMMON_NAME: readonly number[] = Object.freeze([0x55, 0x04, 0x03]);

/** @throws BerthError `invalid-argument` when `der` is no certificate */
export function readValidity(der: Uint8Array): Validity {
  const body = bodyOf(der);
  body.skip(TAG.SEQUENCE);
  return validityOf(body);
}

/** @throws BerthError `invalid-argument` when `der` is no certificate, or more than one */
export function readCertificate(der: Uint8Array): Certificate {
  const all = new Der(der);
  all.skip(TAG.SEQUENCE);
  if (!all.ended) throw broken();
  const body = bodyOf(der);
  const issuer = body.whole(TAG.SEQUENCE);
  const validity = validityOf(body);
  const subject = body.whole(TAG.SEQUENCE);
  return {
    ...validity,
    commonName: commonNameOf(subject),
    publicKey: body.whole(TAG.SEQUENCE),
    selfIssued: sameBytes(issuer, subject),
  };
}

/** TBSCertificate from the issuer on. */
function bodyOf(der: Uint8Array): Der {
  const body = new Der(der).enter(TAG.SEQUENCE).enter(TAG.SEQUENCE);
  if (body.peek() === TAG.CONTEXT_0) body.skip();
  body.skip(TAG.INTEGER);
  body.skip(TAG.SEQUENCE);
  return body;
}

function validityOf(body: Der): Validity {
  const validity = body.enter(TAG.SEQUENCE);
  return { notBefore: validity.time(), notAfter: validity.time() };
}

/** @param name RDNSequence */
function commonNameOf(name: Uint8Array): string | undefined {
  let found: string | undefined;
  const sets = new Der(name).enter(TAG.SEQUENCE);
  while (!sets.ended) {
    const set = sets.enter(TAG.SET);
    while (!set.ended) {
      const attribute = set.enter(TAG.SEQUENCE);
      const type = attribute.take(TAG.OBJECT_IDENTIFIER);
      // A name that DPS compares is ASCII, in whatever string type.
      const value = attribute.take(attribute.peek());
      if (sameBytes(type, Uint8Array.from(COMMON_NAME))) found = ascii(value);
    }
  }
  return found;
}
