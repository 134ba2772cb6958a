// SPDX-License-Identifier: MIT
/** DPS over MQTT: topics in, responses out. Source: "Communicate with DPS using the MQTT protocol" (Azure documents). */
import type { Connection, EndpointHandler } from "../mqtt/broker";
import { decodePercent } from "../shared-access-signature";
import type { DpsCaller, DpsReply, DpsRequests } from "./requests";

/** The only filter that DPS grants. */
export const RESPONSE_FILTER = "$dps/registrations/res/#";
const REGISTER = "$dps/registrations/PUT/iotdps-register/";
const POLL = "$dps/registrations/GET/iotdps-get-operationstatus/";

/** What the endpoint tells the emulator. */
export interface ConnectionObserver {
  onConnected(connection: Connection): void;
  onClosed(connection: Connection): void;
}

/** The MQTT side of DPS. */
export class DpsEndpoint implements EndpointHandler {
  readonly #requests: DpsRequests;
  readonly #observer: ConnectionObserver;
  readonly #callers = new WeakMap<Connection, DpsCaller>();

  constructor(requests: DpsRequests, observer: ConnectionObserver) {
    this.#requests = requests;
    this.#observer = observer;
  }

  /** Notes who a connection is, or the error that every request of it gets (refusal by response). */
  admit(connection: Connection, caller: DpsCaller): void {
    this.#callers.set(connection, caller);
  }

  acceptsFilter(_connection: Connection, filter: string): boolean {
    return filter === RESPONSE_FILTER;
  }

  connected(connection: Connection): void {
    this.#observer.onConnected(connection);
  }

  subscribed(): void {}

  closed(connection: Connection): void {
    this.#observer.onClosed(connection);
  }

  received(connection: Connection, topic: string, payload: Buffer): void {
    const kind = topic.startsWith(REGISTER) ? "register" : topic.startsWith(POLL) ? "poll" : undefined;
    if (!kind) throw new Error("a PUBLISH to a topic that DPS does not know");
    const query = parseQuery(topic.slice((kind === "register" ? REGISTER : POLL).length));
    const requestId = query.get("$rid");
    if (!requestId) throw new Error("a request topic without ?$rid=");
    const caller = this.#callers.get(connection)!;
    const { context } = connection.link;
    const asked =
      kind === "register"
        ? this.#requests.register(caller, context, payload)
        : this.#requests.poll(caller, context, query.get("operationId"), payload);
    asked
      .then((reply) => connection.link.answer(reply.rule, () => this.#send(connection, requestId, reply)))
      .catch((error: Error) => connection.close(error.message));
  }

  #send(connection: Connection, requestId: string, reply: DpsReply): void {
    this.#requests.sending(reply);
    const { status, retryAfter, body } = reply.response;
    const qos = connection.granted(RESPONSE_FILTER);
    // A client that has not subscribed gets nothing: responses are not kept.
    if (qos === undefined || connection.link.destroyed) return;
    const wait = retryAfter ? `&retry-after=${retryAfter}` : "";
    const topic = `$dps/registrations/res/${status}/?$rid=${requestId}${wait}`;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    connection.outbox.send({ topic, payload: Buffer.from(text), qos });
    if (this.#requests.endsBehind(reply)) connection.close("a fault");
  }
}

/** The query after `/?`; the request id stays encoded, because it is echoed. */
function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  if (!text.startsWith("?")) return query;
  for (const part of text.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    const key = decodePercent(part.slice(0, at));
    const value = key === "$rid" ? part.slice(at + 1) : decodePercent(part.slice(at + 1));
    if (key !== undefined && value !== undefined) query.set(key, value);
  }
  return query;
}
