// SPDX-License-Identifier: MIT
/** A transport whose every byte, room and failure a test decides. Nothing of Node, so that it runs inside XS too. */
import type { Transport, TransportOptions } from "../../src/host";
import { concat } from "./bytes";

export class RecordingTransport implements Transport {
  readonly options: TransportOptions & Readonly<Record<string, unknown>>;
  /** What was written, one entry a call. */
  readonly writes: Uint8Array[] = [];
  /** The memory that the last write was taken from. */
  lastMemory: ArrayBufferLike | undefined;
  /** Calls that the contract of `Transport` forbids. */
  readonly violations: string[] = [];
  closed = 0;
  room = 0;
  /** When set, thrown by the method. */
  readError: unknown;
  writeError: unknown;
  closeError: unknown;
  #received: Uint8Array = new Uint8Array(0);

  constructor(options: TransportOptions) {
    this.options = options as RecordingTransport["options"];
  }

  read(target: Uint8Array): number {
    if (this.closed) this.violations.push("read after close");
    if (this.readError !== undefined) throw this.readError;
    const part = this.#received.subarray(0, target.length);
    target.set(part);
    this.#received = this.#received.slice(part.length);
    return part.length;
  }

  write(memory: Uint8Array, start = 0, end = memory.length): number {
    const bytes = memory.slice(start, end);
    if (this.closed) this.violations.push("write after close");
    if (bytes.length === 0) this.violations.push("empty write");
    if (bytes.length > this.room) this.violations.push(`${bytes.length} bytes where ${this.room} fit`);
    if (this.writeError !== undefined) throw this.writeError;
    this.lastMemory = memory.buffer;
    this.writes.push(bytes);
    this.room -= bytes.length;
    return this.room;
  }

  close(): void {
    this.closed += 1;
    if (this.closeError !== undefined) throw this.closeError;
  }

  /** The connection is up, or has room again. */
  writable(room = 65_536): void {
    this.room = room;
    this.options.onWritable(room);
  }

  /** Bytes come from the server. */
  receive(...parts: readonly Uint8Array[]): void {
    this.#received = concat(this.#received, ...parts);
    this.options.onReadable(this.#received.length);
  }

  fail(error?: unknown): void {
    this.options.onError(error);
  }

  /** Bytes that the session has not read yet. */
  get unread(): number {
    return this.#received.length;
  }

  /** All that was written. */
  get sent(): Uint8Array {
    return concat(...this.writes);
  }
}
