// SPDX-License-Identifier: MIT
/** Numbers and vectors of the presentation language of TLS (RFC 5246, section 4), and the numbers of the protocol. */

/** Record types, RFC 5246 section 6.2.1. */
export const CONTENT = Object.freeze({
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
});

/** Handshake message types, RFC 5246 section 7.4. */
export const HANDSHAKE = Object.freeze({
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  certificate: 11,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  finished: 20,
});

/** Extensions of a hello (RFC 7627, RFC 5746, RFC 8446). */
export const EXTENSION = Object.freeze({
  serverName: 0,
  applicationLayerProtocol: 16,
  extendedMasterSecret: 23,
  supportedVersions: 43,
  keyShare: 51,
  renegotiationInfo: 0xff01,
});

/** Cipher suites that the server speaks, and some that it only pretends to choose (IANA's registry). */
export const SUITE = Object.freeze({
  nullWithNull: 0x0000,
  tls13Aes128Gcm: 0x1301,
  rsaAes128Cbc: 0x002f,
  rsaAes128Gcm: 0x009c,
  ecdheRsaAes128CbcSha: 0xc013,
  ecdheRsaAes128CbcSha256: 0xc027,
  ecdheRsaRc4: 0xc011,
  ecdhAnonymousAes128Cbc: 0xc018,
  ecdheEcdsaAes128Gcm: 0xc02b,
  ecdheRsaAes128Gcm: 0xc02f,
});

export const TLS_1_0 = 0x0301;
export const TLS_1_1 = 0x0302;
export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;

/** `value` in `width` bytes, most significant first. */
export function uint(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
}

/** `parts` behind their length in `width` bytes. */
export function vector(width: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(body.length, width), body]);
}

/** A handshake message, RFC 5246 section 7.4. */
export function message(type: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([uint(type, 1), vector(3, ...parts)]);
}

/** An extension of a hello, RFC 5246 section 7.4.1.4. */
export function extension(type: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([uint(type, 2), vector(2, body)]);
}

/** Reads `bytes` from the front. @throws RangeError when there are too few. */
export class ByteReader {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length;
  }

  uint(width: number): number {
    return this.take(width).readUIntBE(0, width);
  }

  vector(width: number): Buffer {
    return this.take(this.uint(width));
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length) throw new RangeError(`${count} bytes wanted, ${this.#bytes.length} left`);
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }
}
