// SPDX-License-Identifier: MIT
/** What the hostile server sends: records, good or bad (RFC 5246, section 6.2). */
import { CONTENT, HANDSHAKE, message } from "./hostile-tls-bytes";

/** A record to send, or bytes that are none. */
export interface HostileRecord {
  readonly type: number;
  readonly body: Buffer;
  /** Is it encrypted? By default from the server's own ChangeCipherSpec on; true only once there are keys. */
  readonly sealed?: boolean;
  /** Rewrites the record, header included, as it goes on the wire. */
  readonly wire?: (bytes: Buffer) => Buffer;
}

/** One alert, RFC 5246 section 7.2. */
export function alert(level: 1 | 2, description: number): HostileRecord {
  return { type: CONTENT.alert, body: Buffer.of(level, description) };
}

export const CLOSE_NOTIFY = alert(1, 0);
export const CHANGE_CIPHER_SPEC: HostileRecord = { type: CONTENT.changeCipherSpec, body: Buffer.of(1) };

export function handshakeRecord(body: Buffer): HostileRecord {
  return { type: CONTENT.handshake, body };
}

export function applicationRecord(text: string | Buffer): HostileRecord {
  return { type: CONTENT.applicationData, body: Buffer.from(text) };
}

/** Asks the client for a new handshake, RFC 5246 section 7.4.1.1. */
export const HELLO_REQUEST = handshakeRecord(message(HANDSHAKE.helloRequest));

/** Bytes that need not be a record at all. */
export function rawBytes(bytes: Buffer): HostileRecord {
  return { type: CONTENT.handshake, body: Buffer.alloc(0), sealed: false, wire: () => bytes };
}

/** Handshake records cut into records of at most `size` bytes, which RFC 5246 section 6.2.1 allows. */
export function fragmented(size: number): (records: readonly HostileRecord[]) => HostileRecord[] {
  return (records) =>
    records.flatMap((record) => {
      if (record.type !== CONTENT.handshake) return [record];
      const parts: HostileRecord[] = [];
      for (let start = 0; start < record.body.length; start += size) {
        parts.push({ ...record, body: record.body.subarray(start, start + size) });
      }
      return parts;
    });
}

/** Neighbouring handshake records as one, which RFC 5246 section 6.2.1 allows. */
export function coalesced(records: readonly HostileRecord[]): HostileRecord[] {
  const joined: HostileRecord[] = [];
  for (const record of records) {
    const last = joined.at(-1);
    if (last?.type === CONTENT.handshake && record.type === CONTENT.handshake) {
      joined[joined.length - 1] = { ...last, body: Buffer.concat([last.body, record.body]) };
    } else {
      joined.push(record);
    }
  }
  return joined;
}

/** Turns a bit of the authentication tag. */
export function lastBitTurned(bytes: Buffer): Buffer {
  const turned = Buffer.from(bytes);
  const last = turned.length - 1;
  turned.writeUInt8(turned.readUInt8(last) ^ 1, last);
  return turned;
}
