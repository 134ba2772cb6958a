// SPDX-License-Identifier: MIT
/** As much DER (X.690) as the extensions of a certificate need, which Node does not show. */

export interface Element {
  readonly tag: number;
  readonly body: Buffer;
}

/** Tags. */
export const DER = Object.freeze({
  boolean: 0x01,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
});

/** [3] of TBSCertificate, RFC 5280 section 4.1. */
const EXTENSIONS = 0xa3;
/** Longest length of a length: certificates are far below 2^32 bytes. */
const LONGEST_WIDTH = 4;

/** The elements that stand one after another in `bytes`. @throws Error for bytes that are none */
export function elements(bytes: Buffer = Buffer.alloc(0)): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    at += 2;
    if (length >= 0x80) {
      const width = length & 0x7f;
      if (width === 0 || width > LONGEST_WIDTH) throw new Error("a length that DER has not");
      length = bytes.readUIntBE(at, width);
      at += width;
    }
    if (length > bytes.length - at) throw new Error("an element is cut short");
    found.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

/** What the extensions 2.5.29.`arc` of the certificate `der` hold. @throws Error when it cannot be read */
export function extensionsOf(der: Buffer, arc: number): Buffer[] {
  const identifier = Buffer.of(0x55, 0x1d, arc);
  const [certificate] = elements(der);
  const [signed] = elements(certificate?.body);
  const holder = elements(signed?.body).find(({ tag }) => tag === EXTENSIONS);
  const [list] = elements(holder?.body);
  return elements(list?.body).flatMap((extension) => {
    const [name, ...rest] = elements(extension.body);
    if (name?.tag !== DER.objectIdentifier || !name.body.equals(identifier)) return [];
    return rest.filter(({ tag }) => tag === DER.octetString).map(({ body }) => body);
  });
}
