// SPDX-License-Identifier: MIT
/** The HTTPS port: TLS as devices have it, and limits for what clients send and how slowly. */
import { createServer, type Server } from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { NO_RESUMPTION } from "../client-certificate";
import type { ServerPair } from "../served-certificate";
import { type WebSocketHandler, WebSockets } from "./web-sockets";
import { listening } from "../listening";

/** How long clients may take, and how many there may be. */
export interface HttpsLimits {
  /** Milliseconds for the TLS handshake, and for the headers. */
  headers: number;
  /** Milliseconds for a whole request. */
  request: number;
  /** Milliseconds in which nothing of a response was taken. */
  stalled: number;
  /** At one time, devices on WebSockets among them. */
  connections: number;
}

const LIMITS: HttpsLimits = { headers: 10_000, request: 30_000, stalled: 30_000, connections: 10_000 };
/** Milliseconds between two looks at who is late. */
const INTERVAL = 1000;
/** Bytes of all headers; a continuation token and a signature are the longest. */
const LARGEST_HEADERS = 16 * 1024;

/** Listens; `fetch` answers. */
export class HttpsServer {
  readonly #server: Server;
  readonly #webSockets: WebSockets;
  #other: SecureContext | undefined;

  /**
   * @param names in lower case, that `show` is for: those of Azure's services
   * @param known the names that the port goes by, in lower case
   */
  constructor(
    pair: ServerPair,
    names: readonly string[],
    fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>,
    known: ReadonlySet<string>,
    limits = LIMITS,
  ) {
    this.#webSockets = new WebSockets(known);
    const answer = getRequestListener((request, bindings) => fetch(request, bindings as HttpBindings), {
      overrideGlobalObjects: false,
    });
    const server = createServer(
      {
        ...contextOf(pair),
        // The names of this computer keep their certificate, so that the way back stays open.
        SNICallback: (name, done) => done(null, names.includes(name.toLowerCase()) ? this.#other : undefined),
        // Of devices, as on the port of MQTT: who it is gets decided at CONNECT.
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: limits.headers,
        headersTimeout: limits.headers,
        requestTimeout: limits.request,
        maxHeaderSize: LARGEST_HEADERS,
        connectionsCheckingInterval: Math.min(INTERVAL, limits.headers),
      },
      (request, response) => {
        // Silence is no fault of a reader: of events there may be none for hours.
        response.setTimeout(limits.stalled, () => {
          if (response.writableLength > 0) response.destroy();
        });
        return answer(request, response);
      },
    );
    server.maxConnections = limits.connections;
    server.on("upgrade", (request, socket, head) => this.#webSockets.accept(request, socket, head));
    this.#server = server;
  }

  /** Shows another certificate to who asks for a name of a service from now on; undefined brings the first one back. */
  show(pair: ServerPair | undefined): void {
    this.#other = pair && createSecureContext(contextOf(pair));
  }

  /** Hands WebSocket connections that ask `path` for `subprotocol` to `handler`. */
  upgrade(path: string, subprotocol: string, handler: WebSocketHandler): void {
    this.#webSockets.upgrade(path, subprotocol, handler);
  }

  /** Starts to listen; returns the port. @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return listening(this.#server, port, host);
  }

  /** Stops listening and cuts what is still open. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      this.#webSockets.stop();
    });
  }
}

function contextOf({ serverChainPem, serverKeyPem }: ServerPair) {
  return {
    cert: serverChainPem,
    key: serverKeyPem,
    secureOptions: NO_RESUMPTION,
    minVersion: "TLSv1.2",
  } as const;
}
