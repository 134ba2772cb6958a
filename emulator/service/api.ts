// SPDX-License-Identifier: MIT
/** What the routes of both service APIs share: hosts, tokens, bodies, pages, errors. */
import { isUtf8 } from "node:buffer";
import type { Context, Hono } from "hono";
import type * as v from "valibot";
import { DocumentError, parseJson, readJson } from "../json-reader";
import type { Right } from "../rights";
import type { StoredPolicy } from "../records";
import { unauthorized } from "./authorization";
import { dpsErrorResponse, hubErrorResponse, ServiceError } from "./service-error";

/** Bytes of a body: 100 devices with their twins. */
const LARGEST_BODY = 4 * 1024 * 1024;
/** Bytes of all bodies that are being read, of whatever client. */
const MOST_HELD = 128 * 1024 * 1024;
/** Items of a page when the caller does not say; a list of devices has more. */
const USUAL_PAGE = 100;
/** Items of a page at most. */
export const LARGEST_PAGE = 1000;

/** The environment of a request that comes from the page's session: it may do everything. */
export const SESSION = Object.freeze({ session: true });

/** @returns true for a request of the page's session */
export function isSession({ env }: Context): boolean {
  return env === SESSION;
}

/** What all of them work with. */
export interface ServiceContext {
  /** Host names of the hubs, in lower case. */
  hubs: readonly string[];
  /** Host name of DPS for services. */
  dps: string;
  policies(): readonly StoredPolicy[];
  /** Milliseconds since 1970. */
  now(): number;
  onRefused(host: string, path: string, reason: string): void;
  /** A failure of the emulator's own. */
  onProblem(error: Error): void;
}

/** One request to a hub or to DPS, with its token checked. */
export class Call {
  /** The hub's name, or that of DPS. */
  readonly host: string;
  readonly #context: Context;

  constructor(host: string, context: Context) {
    this.host = host;
    this.#context = context;
  }

  /** A part of the path, decoded. */
  param(name: string): string {
    return this.#context.req.param(name) ?? "";
  }

  header(name: string): string | undefined {
    return this.#context.req.header(name);
  }

  query(name: string): string | undefined {
    return this.#context.req.query(name);
  }

  /** The body. @throws ServiceError MessageTooLarge, ThrottlingException, ArgumentInvalid, DocumentError */
  body<S extends v.GenericSchema>(schema: S): Promise<v.InferOutput<S>> {
    return readBody(this.#context, schema);
  }

  /** A part of `items`, sorted by `idOf`, and what the next request has to send as `x-ms-continuation`. */
  page<T>(
    items: readonly T[],
    idOf: (item: T) => string,
    usual: number = USUAL_PAGE,
  ): { items: T[]; next: string | undefined } {
    const asked = this.header("x-ms-max-item-count") ?? this.query("top") ?? String(usual);
    const size = /^\d{1,9}$/.test(asked) ? Math.min(Number(asked), LARGEST_PAGE) : 0;
    if (size === 0)
      throw new ServiceError("ArgumentInvalid", "x-ms-max-item-count must be a whole number from 1 to 1000");
    const token = this.header("x-ms-continuation");
    const after = token ? Buffer.from(token, "base64url").toString() : "";
    const rest = items
      .filter((item) => idOf(item) > after)
      .sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
    const page = rest.slice(0, size);
    const last = page.at(-1);
    const next =
      last !== undefined && rest.length > page.length
        ? Buffer.from(idOf(last)).toString("base64url")
        : undefined;
    return { items: page, next };
  }
}

let held = 0;

/**
 * The JSON of a request.
 * @param largest bytes
 * @throws ServiceError MessageTooLarge, ThrottlingException, ArgumentInvalid, DocumentError
 */
export async function readBody<S extends v.GenericSchema>(
  context: Context,
  schema: S,
  largest?: number,
): Promise<v.InferOutput<S>> {
  const bytes = await readBytes(context, largest);
  if (!isUtf8(bytes)) throw new ServiceError("ArgumentInvalid", "the body is not UTF-8");
  return readJson(schema, parseJson(bytes.toString(), "the body"), "the body");
}

/** The body of a request, of at most `largest` bytes. @throws ServiceError MessageTooLarge, ThrottlingException, ArgumentInvalid */
export async function readBytes({ req }: Context, largest = LARGEST_BODY): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of req.raw.body ?? []) {
      size += chunk.length;
      held += chunk.length;
      if (size > largest) throw new ServiceError("MessageTooLarge", `a body has at most ${largest} bytes`);
      if (held > MOST_HELD)
        throw new ServiceError("ThrottlingException", "too much is being sent at once; send it again later");
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    // A client that goes is none of the emulator's trouble.
    throw error instanceof ServiceError
      ? error
      : new ServiceError("ArgumentInvalid", "the request ended within its body");
  } finally {
    held -= size;
  }
}

type Answer = Response | Promise<Response>;

/** Adds routes of one API to an app. */
export class Api {
  readonly #app: Hono;
  readonly #kind: "hub" | "dps";
  readonly #context: ServiceContext;

  constructor(app: Hono, kind: "hub" | "dps", context: ServiceContext) {
    this.#app = app;
    this.#kind = kind;
    this.#context = context;
  }

  /** @param rights any of them is enough */
  on(method: string, path: string, rights: Right | readonly Right[], handler: (call: Call) => Answer): void {
    this.route(method, path, (context, host) => handler(this.#admit(context, host, [rights].flat())));
  }

  /** Whoever asks; `handler` is told of which service, with an API version that has the form of one. */
  route(method: string, path: string, handler: (context: Context, host: string) => Answer): void {
    const answer = (error: ServiceError) =>
      (this.#kind === "hub" ? hubErrorResponse : dpsErrorResponse)(error, this.#context.now());
    this.#app.on(method, path, async (context) => {
      try {
        return await handler(context, this.#serviceOf(context));
      } catch (error) {
        if (error instanceof ServiceError) return answer(error);
        if (error instanceof DocumentError || error instanceof RangeError)
          return answer(new ServiceError("ArgumentInvalid", error.message));
        this.#context.onProblem(error as Error);
        return answer(new ServiceError("ServerError", "Internal server error; the emulator's log has more"));
      }
    });
  }

  /** @throws ServiceError when the host is no such service, or the API version none */
  #serviceOf({ req }: Context): string {
    const host = this.#hostOf(new URL(req.url).hostname);
    const version = req.query("api-version");
    if (!/^20\d\d-\d\d-\d\d(-preview)?$/.test(version ?? ""))
      throw new ServiceError(
        "InvalidProtocolVersion",
        "the query needs api-version, for example api-version=2021-04-12",
      );
    return host;
  }

  /** @throws ServiceError when the token is not good */
  #admit(context: Context, host: string, rights: readonly Right[]): Call {
    if (isSession(context)) return new Call(host, context);
    const { req } = context;
    const aliases = [(req.header("host") ?? "").toLowerCase()];
    const demand = { host, aliases, path: req.path, rights };
    const reason = unauthorized(
      this.#context.policies(),
      req.header("authorization"),
      demand,
      this.#context.now(),
    );
    if (reason !== undefined) {
      this.#context.onRefused(host, req.path, reason);
      throw new ServiceError("IotHubUnauthorizedAccess", `Unauthorized: ${reason}`);
    }
    return new Call(host, context);
  }

  #hostOf(name: string): string {
    const { hubs, dps } = this.#context;
    const all = this.#kind === "dps" ? [dps] : hubs;
    if (all.includes(name)) return name;
    const [only, ...others] = all;
    const isService = hubs.includes(name) || name === dps;
    // An address or `localhost` stands for the service of that kind when there is one only.
    if (!isService && only !== undefined && others.length === 0) return only;
    throw new ServiceError(
      "ResourceNotFound",
      `this is no path of ${name}; ask ${all.join(", ")} for it (by its name in the Host header)`,
    );
  }
}

/** A page of items as the service APIs answer it. */
export function pageResponse(items: readonly unknown[], next?: string, type?: string): Response {
  return Response.json(items, {
    headers: {
      ...(next === undefined ? {} : { "x-ms-continuation": next }),
      ...(type === undefined ? {} : { "x-ms-item-type": type }),
    },
  });
}

/** Text for an ETag header. */
export function quotedTag(etag: string): { etag: string } {
  return { etag: `"${etag}"` };
}
