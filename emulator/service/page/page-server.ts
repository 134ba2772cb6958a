// SPDX-License-Identifier: MIT
/**
 * The port of the page: its files, and the APIs of the emulator for it. A browser cannot choose the `Host` that tells one
 * service from the other, so `/at/{host}/…` stands for it; and it has no key of a policy, so the session's token, which
 * is in the address that the command prints, opens everything.
 */
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import type { ServerPair } from "../../served-certificate";
import { constantTimeEqual } from "../../shared-access-signature";
import { ClientRelay, type RelayTarget } from "./client-relay";
import { fileResponse, type PageFiles, SECURITY_HEADERS } from "./page-files";
import { listening } from "../../listening";

const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;
const LARGEST_HEADERS = 16 * 1024;
const MAXIMUM_CONNECTIONS = 200;

/** What the page is served with. */
export interface PageServerOptions {
  files: PageFiles;
  /** Secret of the session, as `Authorization: Bearer …`. */
  token: string;
  /** Names and addresses that the port goes by, in lower case; IPv6 in brackets. */
  names: readonly string[];
  /** For TLS; without it HTTP, which browsers take as safe on a loopback address only. */
  pair: ServerPair | undefined;
  /** The APIs, for whom the session counts as every right. */
  fetch(request: Request): Response | Promise<Response>;
  /** Where the client by hand connects to. */
  target: RelayTarget;
}

/** The server, which does not listen yet. */
export class PageServer {
  readonly #options: PageServerOptions;
  readonly #server: Server;
  readonly #relay: ClientRelay;
  readonly #names: ReadonlySet<string>;

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#names = new Set(options.names);
    this.#relay = new ClientRelay(options.target, (token) => this.#isToken(token));
    const { pair } = options;
    const limits = {
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      maxHeaderSize: LARGEST_HEADERS,
      connectionsCheckingInterval: 1000,
    };
    const listener = getRequestListener((request) => this.#answer(request), { overrideGlobalObjects: false });
    this.#server = pair
      ? createHttpsServer({ cert: pair.serverChainPem, key: pair.serverKeyPem, ...limits }, listener)
      : createHttpServer(limits, listener);
    this.#server.maxConnections = MAXIMUM_CONNECTIONS;
    this.#server.on("upgrade", (request, socket, head) => {
      const { host = "", origin } = request.headers;
      const path = (request.url ?? "").replace(/\?.*$/, "");
      const isOwn = this.#isKnown(host) && origin === `${this.#scheme}://${host}`;
      this.#relay.accept(isOwn && path === "/client", request, socket, head);
    });
  }

  /** Starts to listen; returns the port. @throws the socket's error, for example EADDRINUSE */
  listen(port: number, host: string): Promise<number> {
    return listening(this.#server, port, host);
  }

  /** Stops listening and cuts what is still open. */
  stop(): Promise<void> {
    this.#relay.stop();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: Request): Promise<Response> {
    const { method, headers } = request;
    const url = new URL(request.url);
    if (!this.#isKnown(url.host)) return refusal(403, "the Host header names none of this port's names");
    const origin = headers.get("origin");
    if (origin !== null && origin !== `${this.#scheme}://${url.host}`)
      return refusal(403, "a page of another site may not drive this");
    if (method === "GET" || method === "HEAD") {
      const file = fileResponse(this.#options.files, url.pathname, headers.get("accept-encoding") ?? "");
      if (file) return file;
    }
    const [, token = ""] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
    if (!this.#isToken(token))
      return refusal(
        401,
        "open the page by the address that berth printed; it holds the token of the session",
      );
    const [, host = "localhost", path = url.pathname] = /^\/at\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    const own = new Headers(headers);
    for (const name of ["authorization", "origin", "host", "connection"]) own.delete(name);
    const hasBody = method !== "GET" && method !== "HEAD";
    const answer = await this.#options.fetch(
      new Request(`https://${host}${path}${url.search}`, {
        method,
        headers: own,
        ...(hasBody ? { body: request.body, duplex: "half" } : {}),
      } as RequestInit),
    );
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) answer.headers.set(name, value);
    return answer;
  }

  get #scheme(): "http" | "https" {
    return this.#options.pair ? "https" : "http";
  }

  /** @param host with or without a port */
  #isKnown(host: string): boolean {
    const url = `http://${host}`;
    return URL.canParse(url) && this.#names.has(new URL(url).hostname);
  }

  #isToken(token: string): boolean {
    return constantTimeEqual(this.#options.token, token);
  }
}

function refusal(status: number, message: string): Response {
  return Response.json({ Message: message }, { status, headers: SECURITY_HEADERS });
}
