// SPDX-License-Identifier: MIT
/** One TLS connection. */
import { TlsContext, TlsEngine } from "berth/natives/tls";
import Timer from "timer";
import { NativeTls } from "../../../hosts/native/tls";
import { NativeTransport } from "../../../hosts/native/transport";
import type { TcpClass } from "../../../hosts/sockets/tcp";
import type { Stopwatch } from "./stopwatch";
import { WatchedTcp } from "./watched-tcp";

export interface Server {
  readonly name: string;
  /** Of 127.0.0.1. */
  readonly port: number;
  /** DER. */
  readonly root: ArrayBuffer;
}

/** Opens a connection; `done` is called from inside the stopwatch once the handshake is. @returns what closes it */
export type Client = (server: Server, stopwatch: Stopwatch, done: () => void) => () => void;

const ADDRESS = "127.0.0.1";

/** A class that hands its stopwatch to WatchedTcp. */
function tcpOf(stopwatch: Stopwatch): { io: TcpClass } {
  return {
    io: class extends WatchedTcp {
      constructor(options: ConstructorParameters<TcpClass>[0]) {
        super({ ...options, stopwatch });
      }
    },
  };
}

/** One for all connections to a server, as a device has it. */
export function clientFor(root: ArrayBuffer, sessions: number): Client {
  const tls = new NativeTls({ natives: { TlsContext, TlsEngine }, roots: () => [root], sessions });
  return ({ name, port }, stopwatch, done) => {
    const transport = stopwatch.run(
      () =>
        new NativeTransport({
          host: name,
          port,
          tls,
          TCP: tcpOf(stopwatch),
          resolve: (host, found) => found(host, ADDRESS),
          timers: {
            set: (callback, delay) => Timer.set(() => stopwatch.run(callback), delay),
            clear: (handle) => Timer.clear(handle as Timer),
          },
          clock: { now: () => Date.now(), ticks: () => Date.now() },
          onReadable() {},
          onWritable: done,
          onError(error) {
            throw error;
          },
        }),
    );
    return () => transport.close();
  };
}
