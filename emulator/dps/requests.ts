// SPDX-License-Identifier: MIT
/** What DPS answers a device, over whatever protocol it asks. Source: "Runtime registration" of the DPS Device API. */
import * as v from "valibot";
import type { Clock } from "../clock";
import type { EnrollmentPlace, EnrollmentRegistry } from "../enrollment-registry";
import type { FaultContext, FaultInjector, FaultRule } from "../faults";
import { DocumentError, type JsonObject, parseJson, readJson } from "../json-reader";
import { JSON_OBJECT, maybe, object, text } from "../shapes";
import { type DpsError, type DpsResponse, dpsError, errorResponse, isDpsError } from "./bodies";
import type { DpsIdentity } from "./identity";
import { isIssuing, type RegistrationService } from "./registration-service";

/** The largest message, in bytes. */
export const LARGEST_MESSAGE = 96 * 1024;

/** What they tell the emulator. */
export interface DpsObserver {
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

/** Who asks. */
export interface DpsCaller {
  registrationId: string;
  /** The identity that was proven, or what every request is refused with. */
  caller: DpsIdentity | DpsError;
  /** Its API version knows requests for certificates. */
  mayAsk: boolean;
}

/** An answer on its way. */
export interface DpsReply extends DpsCaller {
  kind: "register" | "poll";
  context: FaultContext;
  response: DpsResponse;
  /** A fault that strikes it; one of another status is in `response`. */
  rule: FaultRule | undefined;
}

/** Registers and polls. */
export class DpsRequests {
  readonly #service: RegistrationService;
  readonly #faults: FaultInjector;
  readonly #observer: DpsObserver;
  readonly #clock: Clock;
  readonly #enrollments: EnrollmentRegistry;

  constructor(
    service: RegistrationService,
    faults: FaultInjector,
    observer: DpsObserver,
    clock: Clock,
    enrollments: EnrollmentRegistry,
  ) {
    this.#service = service;
    this.#faults = faults;
    this.#observer = observer;
    this.#clock = clock;
    this.#enrollments = enrollments;
  }

  /** Registers. @param payload the body as it came */
  register(who: DpsCaller, context: FaultContext, payload: Buffer): Promise<DpsReply> {
    return this.#serve("register", who, context, async (identity) => {
      if (payload.length > LARGEST_MESSAGE)
        return this.#refuse(dpsError(413, 413000, "The message is larger than 96 KB."));
      const body = readRegisterBody(payload, identity.registrationId);
      if (isDpsError(body)) return this.#refuse(body);
      const csr = who.mayAsk && isIssuing(identity.enrollment.value) ? body.csr : undefined;
      if (csr !== body.csr) this.#observer.onCertificateRequest(identity.registrationId);
      return this.#service.register(identity, body.payload, csr);
    });
  }

  /** Asks for a result. @param payload ignored but for its size: clients send nothing, a space, or the registration again */
  poll(
    who: DpsCaller,
    context: FaultContext,
    operationId: string | undefined,
    payload: Buffer,
  ): Promise<DpsReply> {
    return this.#serve("poll", who, context, async (identity) => {
      if (payload.length > LARGEST_MESSAGE)
        return this.#refuse(dpsError(413, 413000, "The message is larger than 96 KB."));
      if (!operationId) return this.#refuse(dpsError(400, 400000, "The topic has no operationId."));
      return this.#service.poll(identity, operationId);
    });
  }

  /** To be called when an answer is sent. */
  sending({ kind, registrationId, caller, rule, response }: DpsReply): void {
    const isFault = rule?.action === "status";
    const enrollment = isFault ? undefined : this.#refusing(registrationId, caller, response);
    this.#observer.onResponse(kind, registrationId, response, enrollment);
  }

  /** Whether the connection is to end behind an answer that was sent: a fault. */
  endsBehind({ response, context }: DpsReply): boolean {
    return isAssigned(response) && this.#faults.strike("assigned", context) !== undefined;
  }

  #refuse(error: DpsError): DpsResponse {
    return errorResponse(error, this.#clock.now());
  }

  async #serve(
    kind: "register" | "poll",
    who: DpsCaller,
    context: FaultContext,
    ask: (identity: DpsIdentity) => Promise<DpsResponse>,
  ): Promise<DpsReply> {
    this.#observer.onRequest(kind, who.registrationId);
    let response: DpsResponse;
    try {
      response = isDpsError(who.caller) ? this.#refuse(who.caller) : await ask(who.caller);
    } catch (error) {
      this.#observer.onProblem(error as Error);
      response = this.#refuse(dpsError(500, 500000, "Internal server error.", 5));
    }
    const rule = this.#faults.strike(kind, context);
    if (rule?.action === "status") response = faultResponse(rule, this.#clock.now());
    return { ...who, kind, context, response, rule };
  }

  /** The enrollment that a refusal rests on. */
  #refusing(
    registrationId: string,
    caller: DpsIdentity | DpsError,
    { body }: DpsResponse,
  ): EnrollmentPlace | undefined {
    if (isDpsError(caller)) return this.#enrollments.placeFor(registrationId);
    const outcome = typeof body === "object" && body !== null && "status" in body ? body.status : "";
    return outcome === "failed" || outcome === "disabled"
      ? this.#enrollments.placeOf(caller.enrollment.value)
      : undefined;
  }
}

function isAssigned({ body }: DpsResponse): boolean {
  return typeof body === "object" && body !== null && "status" in body && body.status === "assigned";
}

function faultResponse(rule: FaultRule, now: number): DpsResponse {
  const status = rule.status!;
  const retry = rule.retryAfter === undefined ? {} : { retryAfter: rule.retryAfter };
  if (rule.body !== undefined) return { status, body: rule.body, ...retry };
  return errorResponse(dpsError(status, status * 1000, "A fault was injected.", rule.retryAfter), now);
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
