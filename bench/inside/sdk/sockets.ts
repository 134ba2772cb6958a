// SPDX-License-Identifier: MIT
/** Stand in for the SDK's TCP or TLS socket and its resolver, as ECMA-419 has them. */
import { calls } from "./calls";

export interface SocketOptions {
  readonly onReadable: (count: number) => void;
  readonly onWritable: (room: number) => void;
  readonly onError: (error?: unknown) => void;
}

/** What the socket says that it takes. */
export const ROOM = 4096;

export class FakeSocket {
  /** The one that was made last. */
  static last: FakeSocket | undefined;
  /** Gets what is written; nobody, while it is measured. */
  static sink: ((bytes: Uint8Array) => void) | undefined;

  format = "buffer";
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** What the platform calls. */
  readonly options: SocketOptions;

  constructor(options: SocketOptions) {
    calls.createSocket += 1;
    this.options = options;
    FakeSocket.last = this;
  }

  /** One byte, where the format is "number"; else fills `target`. */
  read(target?: Uint8Array): number {
    if (target === undefined) {
      calls.readByte += 1;
      return this.#bytes[this.#at++] as number;
    }
    // Always as many bytes as where its cost is measured: `set` takes steps by the byte.
    calls.readInto += 1;
    target.set(this.#bytes.subarray(this.#at, this.#at + target.length));
    this.#at += target.length;
    return target.length;
  }

  write(bytes: Uint8Array, _options?: object): number {
    calls.write += 1;
    FakeSocket.sink?.(bytes);
    return ROOM;
  }

  close(): void {}

  /** `bytes` wait to be read. */
  put(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }
}

export class FakeDns {
  constructor(_options: object) {
    calls.createDns += 1;
  }

  resolve({
    host,
    onResolved,
  }: {
    readonly host: string;
    readonly onResolved: (host: string, address: string) => void;
  }): void {
    calls.resolve += 1;
    onResolved(host, "127.0.0.1");
  }
}
