// SPDX-License-Identifier: MIT
/** The key usage of a certificate, which Node does not tell. RFC 5280 section 4.2.1.3, DER of X.690. */

const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const OCTET_STRING = 0x04;
/** [3] of TBSCertificate, RFC 5280 section 4.1. */
const EXTENSIONS = 0xa3;
/** 2.5.29.15 */
const KEY_USAGE = Buffer.of(0x55, 0x1d, 0x0f);
/** Bit 0, the most significant. */
const DIGITAL_SIGNATURE = 0x80;

interface Element {
  readonly tag: number;
  readonly body: Buffer;
}

/**
 * May the key of the certificate `der` sign a key exchange (RFC 8446 section 4.4.2.2, RFC 5246 section 7.4.2)?
 * Without a keyUsage extension it may. `der` has been read by OpenSSL before, so it is well-formed.
 */
export function maySign(der: Buffer): boolean {
  const [certificate] = elements(der);
  const [signed] = elements(certificate?.body);
  const holder = elements(signed?.body).find(({ tag }) => tag === EXTENSIONS);
  const [list] = elements(holder?.body);
  for (const extension of elements(list?.body)) {
    const parts = elements(extension.body);
    const isKeyUsage = parts.some(({ tag, body }) => tag === OBJECT_IDENTIFIER && body.equals(KEY_USAGE));
    if (!isKeyUsage) continue;
    const [bits] = elements(parts.find(({ tag }) => tag === OCTET_STRING)?.body);
    // The first byte of a BIT STRING counts the unused bits of the last.
    return bits?.tag === BIT_STRING && ((bits.body[1] ?? 0) & DIGITAL_SIGNATURE) !== 0;
  }
  return true;
}

/** The elements that stand one after another in `bytes`. */
function elements(bytes: Buffer = Buffer.alloc(0)): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    at += 2;
    if (length > 0x80) {
      const width = length & 0x7f;
      length = bytes.readUIntBE(at, width);
      at += width;
    }
    found.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
