// SPDX-License-Identifier: MIT
/** WebSocket on the HTTPS port (RFC 6455): which path and subprotocol lead where, and who may not come in. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { clientChain } from "../client-certificate";
import type { Caller } from "../front-door";

/** Bytes of a message of a client: many packets of MQTT, or frames of AMQP. */
const LARGEST_MESSAGE = 1024 * 1024;

/** A client that has come in. */
export interface WebSocketCaller extends Caller {
  /** What it calls this computer: a name of the `Host` header, in lower case. */
  host: string;
}

/** Takes over a connection whose handshake is done; the bytes of its messages are one stream. */
export type WebSocketHandler = (caller: WebSocketCaller) => void;

/** The paths that may be upgraded. */
export class WebSockets {
  readonly #known: ReadonlySet<string>;
  /** By path, then subprotocol. */
  readonly #handlers = new Map<string, Map<string, WebSocketHandler>>();
  readonly #server: WebSocketServer;
  readonly #open = new Set<WebSocket>();

  /** @param known the names that the port goes by, in lower case */
  constructor(known: ReadonlySet<string>) {
    this.#known = known;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: LARGEST_MESSAGE,
      handleProtocols: (offered, request) => this.#choose(request, offered) ?? false,
    });
  }

  /** Hands connections that ask `path` for `subprotocol` to `handler`. */
  upgrade(path: string, subprotocol: string, handler: WebSocketHandler): void {
    const handlers = this.#handlers.get(path) ?? new Map<string, WebSocketHandler>();
    this.#handlers.set(path, handlers.set(subprotocol, handler));
  }

  /** For the event `upgrade` of a server. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      const [status, words] = refusal;
      socket.end(
        `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(words)}\r\n\r\n${words}`,
      );
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#open.add(webSocket);
      webSocket.once("close", () => this.#open.delete(webSocket));
      const tls = socket as TLSSocket;
      const stream = createWebSocketStream(webSocket);
      // A client that breaks RFC 6455 is told by its close code; the stream ends.
      stream.on("error", () => {});
      this.#handlers.get(pathOf(request))?.get(webSocket.protocol)?.({
        stream,
        address: `${tls.remoteAddress}:${tls.remotePort}`,
        host: hostOf(request) ?? "",
        chain: () => clientChain(tls),
        reset: () => webSocket.terminate(),
      });
    });
  }

  /** Cuts what is open. */
  stop(): void {
    for (const webSocket of this.#open) webSocket.terminate();
  }

  /** Why a request is refused: status and words. */
  #refusal(request: IncomingMessage): [string, string] | undefined {
    const host = hostOf(request);
    if (host === undefined || !this.#known.has(host))
      return ["403 Forbidden", `the Host header names none of ${[...this.#known].join(", ")}`];
    // A page in a browser sends the origin that it was loaded from; some clients that are no page send the server's.
    const { origin } = request.headers;
    if (origin !== undefined && origin.toLowerCase() !== `https://${request.headers.host?.toLowerCase()}`)
      return ["403 Forbidden", "a page of another site may not drive this"];
    const handlers = this.#handlers.get(pathOf(request));
    if (!handlers) return ["404 Not Found", "no WebSocket is served at this path; see emulator/README.md"];
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
    if (this.#choose(request, new Set(offered)) === undefined)
      return [
        "400 Bad Request",
        `Sec-WebSocket-Protocol has to offer one of ${[...handlers.keys()].join(", ")}`,
      ];
    return undefined;
  }

  #choose(request: IncomingMessage, offered: ReadonlySet<string>): string | undefined {
    const handlers = this.#handlers.get(pathOf(request));
    return [...offered].find((one) => handlers?.has(one));
  }
}

/** Without the query. */
function pathOf({ url = "" }: IncomingMessage): string {
  return url.replace(/\?.*$/, "");
}

/** Without the port; undefined when there is none that could be. */
function hostOf({ headers }: IncomingMessage): string | undefined {
  const url = `https://${headers.host}`;
  return headers.host !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
}
