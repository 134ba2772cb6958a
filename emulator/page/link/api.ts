// SPDX-License-Identifier: MIT
/** Requests to the emulator: the service APIs of a hub or of DPS, and its own. */
import { takeToken } from "./session";

/** Of the session; also what a client by hand begins with. */
export const token = takeToken();

/** What a service answered in place of what was asked for. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** What Azure's services want in every query. */
export const HUB_VERSION = "api-version=2021-04-12";
export const DPS_VERSION = "api-version=2021-10-01";

/** An answer: its JSON, undefined when it has none, and what pages go on with. */
export interface Answer<T> {
  body: T;
  next: string | undefined;
}

/** What a request may have. */
export interface RequestOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** @param host a hub, DPS, or `localhost` for what the emulator alone has. */
export function open(
  host: string,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const { body, headers, signal } = options;
  return fetch(`/at/${host}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
}

/** Asks, and reads the whole answer. @throws ApiError with the service's own words; TypeError when nobody answers */
export async function request<T>(
  host: string,
  method: string,
  path: string,
  options?: RequestOptions,
): Promise<Answer<T>> {
  const response = await open(host, method, path, options);
  const text = await response.text();
  if (!response.ok)
    throw new ApiError(response.status, wordsOf(text) ?? `${response.status} ${response.statusText}`);
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return {
    body: (isJson ? JSON.parse(text) : text) as T,
    next: response.headers.get("x-ms-continuation") ?? undefined,
  };
}

/** As `request`, the body alone. */
export async function ask<T>(host: string, method: string, path: string, body?: unknown): Promise<T> {
  return (await request<T>(host, method, path, body === undefined ? {} : { body })).body;
}

/** Every page of a query. @param most items at most */
export async function queryAll<T>(host: string, path: string, body: unknown, most = 5000): Promise<T[]> {
  const items: T[] = [];
  let next: string | undefined;
  do {
    const headers: Record<string, string> = {
      "x-ms-max-item-count": "500",
      ...(next ? { "x-ms-continuation": next } : {}),
    };
    const page = await request<T[]>(host, "POST", path, { body, headers });
    items.push(...page.body);
    next = page.next;
  } while (next !== undefined && items.length < most);
  return items;
}

/** Hubs, DPS and the emulator word their errors in three ways. */
function wordsOf(text: string): string | undefined {
  try {
    const { Message, message } = JSON.parse(text) as { Message?: string; message?: string };
    const words = Message ?? message;
    if (words?.startsWith("{")) return wordsOf(words);
    return words?.replace(/^ErrorCode:\w+;/, "");
  } catch {
    return undefined;
  }
}
