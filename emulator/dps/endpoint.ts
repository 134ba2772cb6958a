// SPDX-License-Identifier: MIT
/** DPS over MQTT: topics in, responses out. Source: "Communicate with DPS using the MQTT protocol" (Azure documents). */
import * as v from "valibot";
import type { Clock } from "../clock";
import type { EnrollmentPlace, EnrollmentRegistry } from "../enrollment-registry";
import type { FaultInjector, FaultRule } from "../faults";
import { DocumentError, type JsonObject, parseJson, readJson } from "../json-reader";
import { JSON_OBJECT, maybe, object, text } from "../shapes";
import type { Connection, EndpointHandler } from "../mqtt/broker";
import { decodePercent } from "../shared-access-signature";
import type { DpsIdentity } from "./identity";
import { type DpsError, type DpsResponse, dpsError, errorResponse, isDpsError } from "./bodies";
import { isIssuing, type RegistrationService } from "./registration-service";

/** The only filter that DPS grants. */
export const RESPONSE_FILTER = "$dps/registrations/res/#";
const REGISTER = "$dps/registrations/PUT/iotdps-register/";
const POLL = "$dps/registrations/GET/iotdps-get-operationstatus/";
/** The largest message, in bytes. */
const LARGEST_MESSAGE = 96 * 1024;

/** What the endpoint tells the emulator. */
export interface DpsObserver {
  onConnected(connection: Connection): void;
  onClosed(connection: Connection): void;
  /** A request came in. */
  onRequest(kind: "register" | "poll", registrationId: string): void;
  /** A registration asks for a certificate, and gets none. */
  onCertificateRequest(registrationId: string): void;
  /** A response goes out. */
  onResponse(
    kind: "register" | "poll",
    registrationId: string,
    response: DpsResponse,
    enrollment: EnrollmentPlace | undefined,
  ): void;
  /** A failure of the emulator's own, which the device sees as status 500. */
  onProblem(error: Error): void;
}

/** The MQTT side of DPS. */
export class DpsEndpoint implements EndpointHandler {
  readonly #service: RegistrationService;
  readonly #faults: FaultInjector;
  readonly #observer: DpsObserver;
  readonly #clock: Clock;
  readonly #callers = new WeakMap<Connection, { caller: DpsIdentity | DpsError; mayAsk: boolean }>();
  readonly #enrollments: EnrollmentRegistry;

  constructor(
    service: RegistrationService,
    faults: FaultInjector,
    observer: DpsObserver,
    clock: Clock,
    enrollments: EnrollmentRegistry,
  ) {
    this.#enrollments = enrollments;
    this.#service = service;
    this.#faults = faults;
    this.#observer = observer;
    this.#clock = clock;
  }

  /**
   * Notes who a connection is, or the error that every request of it gets (refusal by response).
   * @param mayAsk its API version knows requests for certificates
   */
  admit(connection: Connection, caller: DpsIdentity | DpsError, mayAsk = true): void {
    this.#callers.set(connection, { caller, mayAsk });
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
    this.#observer.onRequest(kind, connection.id);
    this.#answer(kind, connection, query, payload)
      .catch((error: Error) => {
        this.#observer.onProblem(error);
        return errorResponse(dpsError(500, 500000, "Internal server error.", 5), this.#clock.now());
      })
      .then((response) => this.#respond(kind, connection, requestId, response))
      .catch((error: Error) => connection.close(error.message));
  }

  async #answer(
    kind: "register" | "poll",
    connection: Connection,
    query: ReadonlyMap<string, string>,
    payload: Buffer,
  ): Promise<DpsResponse> {
    const { caller, mayAsk } = this.#callers.get(connection)!;
    const refuse = (error: DpsError) => errorResponse(error, this.#clock.now());
    if (isDpsError(caller)) return refuse(caller);
    if (payload.length > LARGEST_MESSAGE)
      return refuse(dpsError(413, 413000, "The message is larger than 96 KB."));
    if (kind === "poll") {
      // The body of a poll is ignored: clients send nothing, a space, or the registration again.
      const operationId = query.get("operationId");
      if (!operationId) return refuse(dpsError(400, 400000, "The topic has no operationId."));
      return this.#service.poll(caller, operationId);
    }
    const body = readRegisterBody(payload, caller.registrationId);
    if (isDpsError(body)) return refuse(body);
    const csr = mayAsk && isIssuing(caller.enrollment.value) ? body.csr : undefined;
    if (csr !== body.csr) this.#observer.onCertificateRequest(caller.registrationId);
    return this.#service.register(caller, body.payload, csr);
  }

  /** The enrollment that a refusal rests on. */
  #refusing(connection: Connection, { body }: DpsResponse): EnrollmentPlace | undefined {
    const { caller } = this.#callers.get(connection)!;
    if (isDpsError(caller)) return this.#enrollments.placeFor(connection.id);
    const outcome = typeof body === "object" && body !== null && "status" in body ? body.status : "";
    return outcome === "failed" || outcome === "disabled"
      ? this.#enrollments.placeOf(caller.enrollment.value)
      : undefined;
  }

  #respond(
    kind: "register" | "poll",
    connection: Connection,
    requestId: string,
    response: DpsResponse,
  ): void {
    const rule = this.#faults.strike(kind, connection.link.context);
    const isFault = rule?.action === "status";
    const answer = isFault ? faultResponse(rule, this.#clock.now()) : response;
    const enrollment = isFault ? undefined : this.#refusing(connection, answer);
    connection.link.answer(rule, () => this.#send(kind, connection, requestId, answer, enrollment));
  }

  #send(
    kind: "register" | "poll",
    connection: Connection,
    requestId: string,
    response: DpsResponse,
    enrollment: EnrollmentPlace | undefined,
  ): void {
    this.#observer.onResponse(kind, connection.id, response, enrollment);
    const qos = connection.granted(RESPONSE_FILTER);
    // A client that has not subscribed gets nothing: responses are not kept.
    if (qos === undefined || connection.link.destroyed) return;
    const wait = response.retryAfter ? `&retry-after=${response.retryAfter}` : "";
    const topic = `$dps/registrations/res/${response.status}/?$rid=${requestId}${wait}`;
    const text = typeof response.body === "string" ? response.body : JSON.stringify(response.body);
    connection.outbox.send({ topic, payload: Buffer.from(text), qos });
    if (!isAssigned(response) || !this.#faults.strike("assigned", connection.link.context)) return;
    connection.close("a fault");
  }
}

function isAssigned({ body }: DpsResponse): boolean {
  return typeof body === "object" && body !== null && "status" in body && body.status === "assigned";
}

function faultResponse(rule: FaultRule, now: number): DpsResponse {
  const status = rule.status ?? 500;
  const retry = rule.retryAfter === undefined ? {} : { retryAfter: rule.retryAfter };
  if (rule.body !== undefined) return { status, body: rule.body, ...retry };
  return errorResponse(dpsError(status, status * 1000, "A fault was injected.", rule.retryAfter), now);
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

const REGISTER_BODY = object(
  { registrationId: maybe(text(128)), payload: maybe(JSON_OBJECT), csr: maybe(v.unknown()) },
  "all",
);

interface RegisterBody {
  payload: JsonObject | undefined;
  csr?: unknown;
}

/** Reads `{"registrationId", "payload", "csr"}`, each of which may be left out, as all of it may. */
function readRegisterBody(bytes: Buffer, registrationId: string): RegisterBody | DpsError {
  if (bytes.length === 0) return { payload: undefined };
  try {
    const document = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), "registration");
    const body = readJson(REGISTER_BODY, document, "registration");
    if ((body.registrationId ?? registrationId).toLowerCase() !== registrationId.toLowerCase()) {
      return dpsError(400, 400000, "The body's registrationId is not the one that connected.");
    }
    return { payload: body.payload, csr: body.csr };
  } catch (error) {
    const detail = error instanceof DocumentError ? error.message : "it is not UTF-8";
    return dpsError(400, 400000, `The body cannot be read: ${detail}`);
  }
}
