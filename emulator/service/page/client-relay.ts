// SPDX-License-Identifier: MIT
/**
 * The client by hand. A page can neither open TLS by itself nor show a client certificate of its choice, so the emulator
 * opens a connection to its own port for it, as any device does, and hands the bytes on; what they say is the page's.
 *
 * The first message of the WebSocket is JSON: `token`, and for x.509 `certificate` and `key` (PEM). Text that comes back is
 * JSON: `{ open }` once TLS is up, `{ closed }` with the reason at the end. All else is binary, bytes of MQTT.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import type * as v from "valibot";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { DocumentError, parseJson, readJson } from "../../json-reader";
import { maybe, object, text } from "../../shapes";

/** Bytes of a message, and of what may wait for either side. */
const LARGEST_MESSAGE = 512 * 1024;
const MOST_WAITING = 4 * 1024 * 1024;
/** Milliseconds for the first message. */
const OPENING_TIMEOUT = 10_000;
/** Clients by hand at one time. */
const MOST_CLIENTS = 32;

const OPENING = object({ token: text(256), certificate: maybe(text(65_536)), key: maybe(text(65_536)) });
type Opening = v.InferOutput<typeof OPENING>;

/** Where the connections go. */
export interface RelayTarget {
  /** The MQTT port of this emulator. */
  port(): number;
  /** What such a client trusts. */
  rootPem(): string;
}

/** The WebSockets of clients by hand. */
export class ClientRelay {
  readonly #target: RelayTarget;
  readonly #isToken: (token: string) => boolean;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    clientTracking: true,
  });

  constructor(target: RelayTarget, isToken: (token: string) => boolean) {
    this.#target = target;
    this.#isToken = isToken;
  }

  /** For the event `upgrade` of a server. @param isOwn the request comes from the page itself */
  accept(isOwn: boolean, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    if (!isOwn || this.#server.clients.size >= MOST_CLIENTS) {
      socket.end(`HTTP/1.1 ${isOwn ? 503 : 403} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => {});
      const silent = setTimeout(() => webSocket.terminate(), OPENING_TIMEOUT).unref();
      webSocket.once("close", () => clearTimeout(silent));
      webSocket.once("message", (data, isBinary) => {
        clearTimeout(silent);
        this.#open(webSocket, isBinary ? "" : String(data));
      });
    });
  }

  /** Cuts what is open. */
  stop(): void {
    for (const webSocket of this.#server.clients) webSocket.terminate();
  }

  #open(webSocket: WebSocket, message: string): void {
    const end = (reason: string) => {
      if (webSocket.readyState !== webSocket.OPEN) return;
      webSocket.send(JSON.stringify({ closed: reason }));
      webSocket.close();
    };
    let opening: Opening;
    let tls: TLSSocket;
    try {
      opening = readJson(OPENING, parseJson(message, "the first message"), "the first message");
      if (!this.#isToken(opening.token)) {
        end("the session's token is another one; reload the page");
        return;
      }
      const { certificate: cert, key } = opening;
      const proof = cert === undefined && key === undefined ? {} : { cert, key };
      tls = connect({
        host: "127.0.0.1",
        port: this.#target.port(),
        servername: "localhost",
        ca: this.#target.rootPem(),
        ...proof,
      });
    } catch (error) {
      const isOurs = error instanceof DocumentError;
      end(isOurs ? error.message : `certificate or key: ${(error as Error).message}`);
      return;
    }
    let failure: string | undefined;
    tls.once("secureConnect", () =>
      webSocket.send(JSON.stringify({ open: { version: tls.getProtocol(), cipher: tls.getCipher().name } })),
    );
    tls.on("data", (chunk) => {
      if (webSocket.readyState !== webSocket.OPEN) return;
      webSocket.send(chunk, { binary: true });
      if (webSocket.bufferedAmount > MOST_WAITING) tls.destroy();
    });
    tls.on("error", (error) => {
      failure = error.message;
    });
    tls.on("close", () => end(failure ?? "the server ended the connection"));
    webSocket.on("message", (data: RawData, isBinary) => {
      if (!isBinary || tls.destroyed) return;
      tls.write(data as Buffer);
      if (tls.writableLength > MOST_WAITING) tls.destroy();
    });
    webSocket.on("close", () => tls.destroy());
  }
}
