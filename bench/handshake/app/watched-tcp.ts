// SPDX-License-Identifier: MIT
/** The SDK's TCP, with a stopwatch that runs while a callback does. */

import TCP from "embedded:io/socket/tcp";
import type { Tcp, TcpClass, TcpOptions } from "../../../hosts/sockets/tcp";
import type { Stopwatch } from "./stopwatch";

interface WatchedOptions extends TcpOptions {
  readonly stopwatch: Stopwatch;
}

export class WatchedTcp implements Tcp {
  readonly #tcp: Tcp;

  constructor({ address, port, nodelay, stopwatch, ...callbacks }: WatchedOptions) {
    this.#tcp = new (TCP as unknown as TcpClass)({
      address,
      port,
      nodelay,
      onReadable: (count) => stopwatch.run(() => callbacks.onReadable(count)),
      onWritable: (room) => stopwatch.run(() => callbacks.onWritable(room)),
      onError: () => stopwatch.run(() => callbacks.onError()),
    });
  }

  read(target: Uint8Array): unknown {
    return this.#tcp.read(target);
  }

  write(bytes: Uint8Array): unknown {
    return this.#tcp.write(bytes);
  }

  close(): void {
    this.#tcp.close();
  }
}
