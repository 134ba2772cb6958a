// SPDX-License-Identifier: MIT
/** A tap between the core and the transport of any host: sees the bytes inside TLS, in both directions. */
import type { MakeWays } from "../src/agent/ways";
import { openTransport, type Transport, type TransportBinding, type TransportOptions } from "../src/host";

/** Takes the bytes of one connection; they are good only during the call. */
export interface Tap {
  sent(bytes: Uint8Array): void;
  received(bytes: Uint8Array): void;
}

/** `binding` with a tap in between. @param open called for each connection, with the name of its server */
export function tapTransport(binding: TransportBinding, open: (host: string) => Tap): TransportBinding {
  return { io: TapTransport, inner: binding, open };
}

/** `make`, with a tap in each of its ways, where MQTT enters it. */
export function tapWays(make: MakeWays, tap: (binding: TransportBinding) => TransportBinding): MakeWays {
  return (agent) => {
    const ways = make(agent);
    return {
      next(host, identity) {
        const way = ways.next(host, identity);
        return { ...way, transport: tap(way.transport) };
      },
      worked: () => ways.worked(),
      failed: (code) => ways.failed(code),
    };
  };
}

interface TapOptions extends TransportOptions {
  readonly inner: TransportBinding;
  readonly open: (host: string) => Tap;
}

class TapTransport implements Transport {
  readonly #inner: Transport;
  readonly #tap: Tap;

  constructor({ inner, open, ...options }: TapOptions) {
    this.#tap = open(options.host);
    this.#inner = openTransport(inner, options);
  }

  read(target: Uint8Array): number {
    const count = this.#inner.read(target);
    if (count > 0) this.#tap.received(target.subarray(0, count));
    return count;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const room = this.#inner.write(bytes, start, end);
    this.#tap.sent(bytes.subarray(start, end));
    return room;
  }

  close(): void {
    this.#inner.close();
  }
}
