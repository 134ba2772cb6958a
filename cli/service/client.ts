// SPDX-License-Identifier: MIT
/** HTTPS requests to the API of a hub, of DPS, or of an emulator. TLS is always verified. */
import type { IncomingMessage } from "node:http";
import { request as send } from "node:https";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { NodeSigner } from "../../hosts/node/signer";
import { text } from "../../hosts/node/text";
import { type ConnectTo, connectTarget } from "../../hosts/sockets/connect-to";
import { sasToken } from "../../src/azure/sas";
import type { ServiceCredentials } from "./connection-string";
import { ServiceFailure } from "./failure";

/** Milliseconds for an answer to begin; a direct method may take 300 s and its device as long to come. */
const PATIENCE = 700_000;
/** Milliseconds to connect. */
const CONNECT_PATIENCE = 10_000;
/** Seconds that a token is good. */
const TOKEN_LIFETIME = 3600;
/** Bytes of an answer. */
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** Where to ask, and what to trust. */
export interface Place {
  /** Host name of the service, or `localhost` for an emulator's own API. */
  readonly host: string;
  readonly port: number;
  readonly connectTo: readonly ConnectTo[];
  /** What TLS asks for and verifies, where that is not the host. */
  readonly serverName?: string;
  /** Roots in PEM. */
  readonly roots: readonly string[];
  /** What it is, for messages: `the emulator on 127.0.0.1:8443`, `Azure`. */
  readonly what: string;
  /** What to do when it refuses who asks, behind what it said. */
  readonly remedy: string;
  /** Seconds since 1970 that tokens are good until; absent: an hour on from now. */
  readonly tokensUntil?: number;
}

export interface Ask {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly headers: IncomingMessage["headers"];
  /** JSON where it is that, undefined where there is nothing. */
  readonly value: unknown;
}

/** A JSON object of an answer. */
export type Document = { readonly [name: string]: unknown };

/** When a token for a service ends that is made now, in seconds since 1970. */
export function tokenExpiry({ tokensUntil }: Pick<Place, "tokensUntil">): number {
  return tokensUntil ?? Math.floor(Date.now() / 1000) + TOKEN_LIFETIME;
}

/** Asks one service. */
export class ServiceClient {
  readonly place: Place;
  readonly #authorization: () => string | undefined;
  readonly #apiVersion: string | undefined;

  private constructor(place: Place, apiVersion: string | undefined, authorization: () => string | undefined) {
    this.place = place;
    this.#apiVersion = apiVersion;
    this.#authorization = authorization;
  }

  /** Of a hub or of DPS. @throws BerthError `invalid-argument` for a key that is none */
  static of(
    { host, policy, key }: ServiceCredentials,
    place: Omit<Place, "host">,
    apiVersion: string,
  ): ServiceClient {
    const signer = new NodeSigner(key);
    return new ServiceClient({ ...place, host }, apiVersion, () =>
      sasToken({ resource: host, expiry: tokenExpiry(place), policy }, signer, text),
    );
  }

  /** Of an emulator's own API. */
  static ofEmulator(place: Place, token: string | undefined): ServiceClient {
    return new ServiceClient(place, undefined, () => (token === undefined ? undefined : `Bearer ${token}`));
  }

  async get(path: string, ask: Ask = {}): Promise<Document> {
    return (await this.ask("GET", path, ask)).value as Document;
  }

  async put(path: string, body: unknown, headers: Ask["headers"] = {}): Promise<Document> {
    return (await this.ask("PUT", path, { body, headers })).value as Document;
  }

  async patch(path: string, body: unknown, headers: Ask["headers"] = {}): Promise<Document> {
    return (await this.ask("PATCH", path, { body, headers })).value as Document;
  }

  async post(path: string, body?: unknown): Promise<Document> {
    return (await this.ask("POST", path, { body })).value as Document;
  }

  async delete(path: string, headers: Ask["headers"] = {}): Promise<void> {
    await this.ask("DELETE", path, { headers });
  }

  /** All items of a list that comes in pages, or the first `most`. */
  async pages(method: "GET" | "POST", path: string, body: unknown, most: number): Promise<Document[]> {
    const items: Document[] = [];
    let next: string | undefined;
    do {
      const headers = {
        "x-ms-max-item-count": String(Math.min(1000, most - items.length)),
        ...(next === undefined ? {} : { "x-ms-continuation": next }),
      };
      const answer = await this.ask(method, path, { ...(body === undefined ? {} : { body }), headers });
      if (!Array.isArray(answer.value)) throw this.#strange();
      items.push(...(answer.value as Document[]));
      const token = answer.headers["x-ms-continuation"];
      next = typeof token === "string" && token !== "" && answer.value.length > 0 ? token : undefined;
    } while (next !== undefined && items.length < most);
    return items.slice(0, most);
  }

  /** @throws ServiceFailure when nobody answers, or the answer is an error */
  async ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    return this.#read(await this.#open(method, path, ask));
  }

  /** An answer that does not end, as it begins. @throws ServiceFailure as `ask` */
  async stream(path: string, ask: Ask = {}): Promise<IncomingMessage> {
    const response = await this.#open("GET", path, ask);
    if (response.statusCode !== 200) await this.#read(response);
    return response;
  }

  async #read(response: IncomingMessage): Promise<Answer> {
    let body = "";
    response.setEncoding("utf8");
    try {
      for await (const chunk of response) {
        body += chunk;
        if (body.length > LARGEST_ANSWER) throw new Error("the answer is too large");
      }
    } catch (error) {
      throw this.#unreachable(error as NodeJS.ErrnoException);
    }
    const isJson = /json/.test(response.headers["content-type"] ?? "");
    const value = isJson && body !== "" ? parsed(body) : body === "" ? undefined : body;
    if ((response.statusCode ?? 0) >= 300) throw this.#refused(response.statusCode ?? 0, value);
    return { headers: response.headers, value };
  }

  /** The answer as it begins. @throws ServiceFailure when nobody answers */
  #open(
    method: string,
    path: string,
    { body, query = {}, headers = {} }: Ask = {},
  ): Promise<IncomingMessage> {
    const { host, port, connectTo, roots, serverName = host } = this.place;
    const target = connectTarget(connectTo, host, port);
    const parameters = new URLSearchParams(query);
    if (this.#apiVersion !== undefined) parameters.set("api-version", this.#apiVersion);
    const search = parameters.size === 0 ? "" : `?${parameters}`;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const authorization = this.#authorization();
    return new Promise((resolve, reject) => {
      const request = send(
        {
          host: target.address,
          port: target.port,
          servername: isIP(serverName) === 0 ? serverName : "",
          checkServerIdentity: (_name, certificate) => checkServerIdentity(serverName, certificate),
          ca: [...roots],
          method,
          path: `${path}${search}`,
          agent: false,
          timeout: CONNECT_PATIENCE,
          headers: {
            host: isIP(host) === 6 ? `[${host}]` : host,
            ...(authorization === undefined ? {} : { authorization }),
            ...(content === undefined
              ? {}
              : {
                  "content-type": "application/json; charset=utf-8",
                  "content-length": Buffer.byteLength(content),
                }),
            ...headers,
          },
        },
        resolve,
      );
      request.on("socket", (socket) => socket.once("secureConnect", () => request.setTimeout(PATIENCE)));
      request.on("timeout", () =>
        request.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })),
      );
      request.on("error", (error) => reject(this.#unreachable(error)));
      request.end(content);
    });
  }

  #strange(): ServiceFailure {
    return new ServiceFailure("bad-answer", `${this.place.host}: the answer is not what this API gives`);
  }

  #unreachable(error: NodeJS.ErrnoException): ServiceFailure {
    const { what, host } = this.place;
    const code = error.code ?? "no-answer";
    const next =
      code === "ECONNREFUSED"
        ? "nothing listens there; start it (berth emulator), or correct --connect-to"
        : code === "ENOTFOUND" || code === "EAI_AGAIN"
          ? "there is no such name; correct the connection string, or give --connect-to"
          : /CERT|SIGNATURE|ISSUER/.test(code)
            ? "its certificate is not good; --ca names the root to trust (berth certificate show tells what an emulator shows)"
            : "try again";
    return new ServiceFailure(code, `${host} (${what}): ${error.message}; ${next}`, { retriable: true });
  }

  #refused(status: number, value: unknown): ServiceFailure {
    const { code, errorCode, message } = detailsOf(value);
    const name = code ?? `HTTP ${status}`;
    return new ServiceFailure(
      name,
      `${this.place.host}: ${message?.replace(/\.$/, "") ?? `answer ${status}`}${status === 401 ? `; ${this.place.remedy}` : nextFor(status, name)}`,
      {
        retriable: status === 429 || status >= 500,
        status,
        errorCode,
      },
    );
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Hubs answer `{ Message: "ErrorCode:Name;text" }`, or JSON in `Message`; DPS `{ errorCode, message }`. */
function detailsOf(value: unknown): { code?: string; errorCode?: number; message?: string } {
  if (typeof value !== "object" || value === null) return {};
  const { Message, message, errorCode } = value as Record<string, unknown>;
  if (typeof Message === "string") {
    const inner = parsed(Message);
    if (typeof inner === "object" && inner !== null) return detailsOf(inner);
    const [, code, rest = ""] = /^ErrorCode:(\w+);(.*)$/s.exec(Message) ?? [];
    return code === undefined ? { message: Message } : { code, message: rest };
  }
  return {
    ...(typeof errorCode === "number" ? { errorCode, code: String(errorCode) } : {}),
    ...(typeof message === "string" ? { message } : {}),
  };
}

/** What to do, behind what the service said. */
function nextFor(status: number, code: string): string {
  if (code === "DeviceNotFound" || code === "404001") return "; berth hub device list shows those there are";
  if (code === "DeviceNotOnline" || code === "404103")
    return "; start it, or wait for it with --connect-timeout";
  if (status === 412) return "; it has been changed meanwhile: read it again";
  return "";
}
