// SPDX-License-Identifier: MIT
/** HTTPS requests to an emulator by any host name, over TLS that verifies it. */
import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type Agent, request as send } from "node:https";
import type { Emulator } from "../../emulator/emulator";
import { HUB, inAnHour } from "./emulator-client";

export interface HttpsRequest {
  /** What stands in `Host` and is asked of TLS. */
  host?: string;
  /** `Host` alone, when it is to differ. */
  hostHeader?: string;
  headers?: Record<string, string>;
  /** Text and bytes are sent as they are, all else as JSON. */
  body?: unknown;
  /** Of a client that shows a certificate: PEM. */
  identity?: { cert: string; key: string };
  /** Keeps the connection for the next request. */
  agent?: Agent;
}

export interface HttpsAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the answer holds is for the test to say.
  json: any;
}

/** Sends a request; the response as it begins. */
export function open(
  emulator: Emulator,
  method: string,
  path: string,
  { host = HUB, hostHeader = host, headers = {}, body, identity = undefined, agent }: HttpsRequest = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = send(
      {
        host: "127.0.0.1",
        port: emulator.httpsPort,
        servername: host === "127.0.0.1" ? "" : host,
        ca: emulator.ca.pem,
        method,
        path,
        headers: { host: hostHeader, ...headers },
        agent: agent ?? false,
        ...identity,
      },
      resolve,
    );
    request.on("error", reject);
    const isPlain = body === undefined || typeof body === "string" || Buffer.isBuffer(body);
    request.end(isPlain ? body : JSON.stringify(body));
  });
}

/** Sends a request; the whole response. */
export async function ask(
  emulator: Emulator,
  method: string,
  path: string,
  request: HttpsRequest = {},
): Promise<HttpsAnswer> {
  const response = await open(emulator, method, path, request);
  let text = "";
  for await (const chunk of response) text += chunk;
  const isJson = response.headers["content-type"]?.startsWith("application/json");
  return {
    status: response.statusCode!,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** A token of a policy, written out from the documents. */
export function serviceToken(
  emulator: Emulator,
  host: string,
  policy: string,
  {
    resource = host,
    expiry = inAnHour(),
    skn = policy,
  }: { resource?: string; expiry?: number; skn?: string } = {},
): string {
  const found = emulator.connectionStrings.find((one) => one.host === host && one.policy === policy)!;
  const [, key = ""] = /SharedAccessKey=(.*)$/.exec(found.connectionString) ?? [];
  const sr = encodeURIComponent(resource);
  const sig = createHmac("sha256", Buffer.from(key, "base64")).update(`${sr}\n${expiry}`).digest("base64");
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${expiry}&skn=${skn}`;
}
