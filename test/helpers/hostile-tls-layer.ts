// SPDX-License-Identifier: MIT
/** The record layer of the hostile server: how it sends, and what it keeps of what the client sends. */
import type { Socket } from "node:net";
import { ByteReader, CONTENT, TLS_1_2, uint, vector } from "./hostile-tls-bytes";
import type { Protection } from "./hostile-tls-keys";
import type { HostileRecord } from "./hostile-tls-records";

/** Where the server falls silent: before byte `bytes` of record `record`, counted from its end when negative. */
export interface Cut {
  readonly record: number;
  readonly bytes: number;
  /** A reset in place of an end. */
  readonly reset?: boolean;
}

/** A record of the client, decrypted where it was encrypted. */
export interface ReceivedRecord {
  /** A record type, or UNREADABLE. */
  readonly type: number;
  readonly body: Buffer;
}

/** The type of a record that is not encrypted under the keys of the connection. */
export const UNREADABLE = -1;

/** Both directions of one connection. */
export class RecordLayer {
  /** All that the client sent, as it came. */
  readonly wire: Buffer[] = [];
  /** Bytes of application records of the client so far, in clear or not, whether they could be decrypted or not. */
  applicationBytes = 0;
  /** What was in those that could be decrypted. */
  readonly applicationData: Buffer[] = [];
  readonly alerts: number[] = [];
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #cut: Cut | undefined;
  #sent = 0;
  #cutReached = false;
  #pending = Buffer.alloc(0);
  readonly #read: ReceivedRecord[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  #reading: Protection | undefined;
  #writing: Protection | undefined;
  #nextReading: Protection | undefined;
  #nextWriting: Protection | undefined;

  constructor(socket: Socket, cut?: Cut) {
    this.#socket = socket;
    this.#cut = cut;
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      this.wire.push(chunk);
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** Used for each direction from its ChangeCipherSpec on. */
  setKeys(fromClient: Protection, fromServer: Protection): void {
    this.#nextReading = fromClient;
    this.#nextWriting = fromServer;
  }

  /** The next record of the client; undefined when the connection has ended and all that came is read. */
  async receive(): Promise<ReceivedRecord | undefined> {
    for (;;) {
      this.readAhead(1);
      const record = this.#read.shift();
      if (record !== undefined) return record;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes note of up to `count` records that have come and are not read. */
  readAhead(count = Number.POSITIVE_INFINITY): void {
    while (this.#read.length < count) {
      const record = this.#take();
      if (record === undefined) return;
      this.#read.push(this.#open(record));
    }
  }

  send(records: readonly HostileRecord[]): void {
    const output: Buffer[] = [];
    for (const record of records) {
      output.push(this.#encode(record));
      if (record.type === CONTENT.changeCipherSpec) this.#writing = this.#nextWriting;
    }
    this.#write(output);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #encode(record: HostileRecord): Buffer {
    const sealing =
      record.sealed === true ? this.#nextWriting : record.sealed === false ? undefined : this.#writing;
    const body = sealing?.seal(record.type, TLS_1_2, record.body) ?? record.body;
    const bytes = Buffer.concat([uint(record.type, 1), uint(TLS_1_2, 2), vector(2, body)]);
    return record.wire?.(bytes) ?? bytes;
  }

  #write(records: readonly Buffer[]): void {
    const output: Buffer[] = [];
    for (const bytes of records) {
      if (this.#cutReached) break;
      if (this.#cut?.record === this.#sent) {
        this.#cutReached = true;
        output.push(bytes.subarray(0, this.#cut.bytes));
      } else {
        output.push(bytes);
      }
      this.#sent += 1;
    }
    const bytes = Buffer.concat(output);
    if (bytes.length > 0 && this.#socket.writable) this.#socket.write(bytes);
    if (!this.#cutReached) return;
    if (this.#cut?.reset) this.#socket.resetAndDestroy();
    else this.#socket.end();
  }

  #take(): ReceivedRecord | undefined {
    if (this.#pending.length < 5) return undefined;
    const reader = new ByteReader(this.#pending);
    const type = reader.uint(1);
    reader.uint(2);
    const length = reader.uint(2);
    if (reader.left < length) return undefined;
    const body = reader.take(length);
    this.#pending = this.#pending.subarray(5 + length);
    return { type, body };
  }

  #open({ type, body }: ReceivedRecord): ReceivedRecord {
    if (type === CONTENT.applicationData) this.applicationBytes += body.length;
    let plain = body;
    if (this.#reading !== undefined) {
      try {
        plain = this.#reading.open(type, TLS_1_2, body);
      } catch {
        this.#socket.destroy();
        return { type: UNREADABLE, body };
      }
    }
    if (type === CONTENT.changeCipherSpec) this.#reading = this.#nextReading;
    if (type === CONTENT.applicationData) this.applicationData.push(plain);
    if (type === CONTENT.alert && plain.length === 2) this.alerts.push(plain.readUInt8(1));
    return { type, body: plain };
  }
}
