// SPDX-License-Identifier: MIT
/**
 * Watches the records of a TLS 1.2 connection from below (RFC 5246, section 6.2) until they are encrypted.
 *
 * Two things come of it. The server's certificates are kept for the time of the handshake, so that a refusal can
 * say why (the SDK's TLS throws one and the same error for every cause). And no application data leaves before the
 * server has switched to encryption: the SDK's TLS takes a close_notify in the clear for the end of the handshake.
 */
import { BerthError } from "../../../src/error";

const RECORD = Object.freeze({ CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION_DATA: 23 });
const CERTIFICATE = 11;
const HEADER = 5;
const HANDSHAKE_HEADER = 4;
/** Longest server flight that is kept, bytes. A longer one is not: the refusal then has no cause to show. */
const LARGEST_FLIGHT = 16_384;
/** Certificates that are looked at; a chain that leads to a root is shorter. */
const MOST_CERTIFICATES = 8;
const NOTHING = Object.freeze(new Uint8Array(0));

export class TlsWatch {
  #encrypted = false;
  #header = new Uint8Array(HEADER);
  #headerLength = 0;
  /** Bytes of the present record that have not come yet. */
  #remaining = 0;
  #type = 0;
  /** Handshake bytes of the server, in one buffer that grows; undefined once they are of no use. */
  #flight: Uint8Array | undefined = NOTHING;
  #flightLength = 0;

  /** The server has switched to encryption. */
  get encrypted(): boolean {
    return this.#encrypted;
  }

  /** What came from the server, in any pieces. They are copied where needed. */
  received(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#encrypted) {
      if (this.#remaining === 0) at = this.#readHeader(bytes, at);
      else {
        const end = Math.min(bytes.length, at + this.#remaining);
        if (this.#type === RECORD.HANDSHAKE) this.#keep(bytes.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
      }
    }
  }

  /** A record that is about to leave. @throws BerthError `tls-failed` for application data in the clear */
  sending(record: Uint8Array): void {
    if (record[0] === RECORD.APPLICATION_DATA && !this.#encrypted) {
      throw new BerthError("tls-failed", "the server ended the TLS handshake before it was encrypted");
    }
  }

  /** The certificates that the server has sent, leaf first, DER; empty when they did not come whole. */
  certificates(): Uint8Array[] {
    const flight = (this.#flight ?? NOTHING).subarray(0, this.#flightLength);
    let at = 0;
    while (at + HANDSHAKE_HEADER <= flight.length) {
      const start = at + HANDSHAKE_HEADER;
      const end = start + uint24(flight, at + 1);
      if (end > flight.length) break;
      if (flight[at] === CERTIFICATE) return certificateList(flight.subarray(start, end));
      at = end;
    }
    return [];
  }

  /** The handshake is over, well or not: nothing is kept any longer. */
  forget(): void {
    this.#flight = undefined;
    this.#flightLength = 0;
  }

  #readHeader(bytes: Uint8Array, start: number): number {
    const count = Math.min(HEADER - this.#headerLength, bytes.length - start);
    this.#header.set(bytes.subarray(start, start + count), this.#headerLength);
    this.#headerLength += count;
    if (this.#headerLength === HEADER) {
      this.#headerLength = 0;
      this.#type = this.#header[0] ?? 0;
      this.#remaining = ((this.#header[3] ?? 0) << 8) | (this.#header[4] ?? 0);
      if (this.#type === RECORD.CHANGE_CIPHER_SPEC) {
        this.#encrypted = true;
        this.forget();
      }
    }
    return start + count;
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#flight) return;
    const length = this.#flightLength + bytes.length;
    if (length > LARGEST_FLIGHT) {
      this.forget();
      return;
    }
    if (length > this.#flight.length) {
      const grown = new Uint8Array(Math.min(LARGEST_FLIGHT, Math.max(length, 2 * this.#flight.length)));
      grown.set(this.#flight.subarray(0, this.#flightLength));
      this.#flight = grown;
    }
    this.#flight.set(bytes, this.#flightLength);
    this.#flightLength = length;
  }
}

/** RFC 5246, section 7.4.2: a length of three bytes before the list and before each certificate. */
function certificateList(message: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 3;
  while (at + 3 <= message.length && found.length < MOST_CERTIFICATES) {
    const end = at + 3 + uint24(message, at);
    if (end > message.length) return [];
    found.push(message.subarray(at + 3, end));
    at = end;
  }
  return found;
}

function uint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}
