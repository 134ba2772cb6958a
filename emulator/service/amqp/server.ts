// SPDX-License-Identifier: MIT
/** AMQP 1.0 for services: on its own TLS port, and on WebSocket streams that it is handed. */
import { FaultInjector } from "../../faults";
import type { ServerPair } from "../../served-certificate";
import { TlsListener } from "../../tls-listener";
import { type AmqpCaller, AmqpConnection, type AmqpContext } from "./connection";

/** At one time, by both ways. */
const MOST_CONNECTIONS = 1000;

/** The server. */
export class AmqpServer {
  readonly #context: AmqpContext;
  readonly #listener: TlsListener;
  readonly #connections = new Set<AmqpConnection>();
  #stopping = false;

  constructor(context: AmqpContext, pair: ServerPair) {
    this.#context = {
      ...context,
      onStranger: (address, reason) => this.#stopping || context.onStranger(address, reason),
    };
    this.#listener = new TlsListener({
      pair,
      // Those of the configuration are for devices.
      faults: new FaultInjector([], 1),
      clock: context.clock,
      handshakeTimeout: context.connectTimeout,
      maxVersion: "TLSv1.3",
      onCaller: (caller) => this.serve(caller),
      onStranger: context.onStranger,
    });
  }

  /** Starts to listen; returns the port. @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return this.#listener.listen(port, host);
  }

  /** Shows another certificate to who connects from now on. */
  show(pair: ServerPair): void {
    this.#listener.show(pair);
  }

  /** Serves a connection that has come through TLS. */
  serve(caller: AmqpCaller): void {
    if (this.#connections.size >= MOST_CONNECTIONS || this.#stopping) {
      caller.stream.destroy();
      return;
    }
    const connection = new AmqpConnection(caller, this.#context);
    this.#connections.add(connection);
    connection.socket.once("closed", () => this.#connections.delete(connection));
  }

  /** Stops listening and cuts what is open. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { socket } of this.#connections) socket.destroy();
    await this.#listener.stop();
  }
}
