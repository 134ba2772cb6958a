// SPDX-License-Identifier: MIT
/**
 * The Device Provisioning Service over MQTT 3.1.1: names, topics, requests and answers. Builds and parses,
 * decides nothing about time. Source: "Communicate with DPS using the MQTT protocol" and the schema
 * `DeviceRegistrationResult` of the DPS device API.
 */
import { lowerCase } from "../characters";
import { answerText, BerthError, type ErrorCode, shown } from "../error";
import { isDeviceId, isHostName } from "./identifiers";
import { asJsonObject, type JsonObject, parseJsonObject } from "./json";
import { percentEncode } from "./percent";
import { parseResponseTopic, type ResponseTopic } from "./response-topic";

/** One end point for all tenants; the id scope tells them apart. */
export const DPS_HOST = "global.azure-devices-provisioning.net";

export const DPS_API_VERSION = "2019-03-31";

/** The first one that carries a request for a certificate; asked for only with one. */
export const DPS_CERTIFICATE_API_VERSION = "2025-07-01-preview";

/** The only filter that DPS accepts. Answers are not retained: subscribe before the first request. */
export const DPS_RESPONSE_FILTER = "$dps/registrations/res/#";

const RESPONSE_PREFIX = "$dps/registrations/res/";

/** Of an operation id, percent-encoded; those of DPS have some 55 characters. */
const LONGEST_OPERATION_ID = 1_900;

/** The user name of CONNECT. After the registration id comes a slash, not `/?` as for a hub. */
export function dpsUserName(idScope: string, registrationId: string, apiVersion = DPS_API_VERSION): string {
  return `${idScope}/registrations/${registrationId}/api-version=${apiVersion}`;
}

/** @param requestId correlates the answer; it must need no encoding */
export function registerTopic(requestId: string): string {
  return `$dps/registrations/PUT/iotdps-register/?$rid=${requestId}`;
}

/** The operation id is opaque: it is sent back as it came, where it needs no encoding. */
export function operationStatusTopic(requestId: string, operationId: string): string {
  return `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${requestId}&operationId=${percentEncode(operationId)}`;
}

/**
 * @param payload for the function of a custom allocation policy
 * @param csr a request for a certificate (PKCS #10, DER) in base64
 */
export function registerBody(registrationId: string, payload?: JsonObject, csr?: string): string {
  return JSON.stringify({ registrationId, payload, csr });
}

/** The parts of a response topic, or undefined when the topic is no response of DPS. */
export function parseDpsTopic(topic: string): ResponseTopic | undefined {
  return parseResponseTopic(topic, RESPONSE_PREFIX);
}

/** Where DPS has put the device. */
export interface DpsAssignment {
  readonly hub: string;
  /** May differ from the registration id. */
  readonly deviceId: string;
  /** `initialAssignment`, `deviceDataMigrated`, `deviceDataReset`, `reprovisionedToInitialAssignment`, or undefined. */
  readonly substatus: string | undefined;
  /** What the function of a custom allocation policy returned. */
  readonly payload: JsonObject | undefined;
  /** `issuedCertificateChain`, unchecked. */
  readonly issued?: unknown;
}

/** What an answer means. */
export type DpsAnswer =
  | { readonly kind: "assigning"; readonly operationId: string; readonly retryAfter: number | undefined }
  | { readonly kind: "assigned"; readonly assignment: DpsAssignment }
  | { readonly kind: "error"; readonly error: BerthError };

/**
 * What an answer to `registrationId` means. It is judged by `status` in the body: `failed` and `disabled` come with topic status 200.
 * Nothing is thrown: whatever the server sends ends in one of the three kinds, with the codes `dps-*`.
 */
export function interpretDpsResponse(topic: ResponseTopic, body: string, registrationId: string): DpsAnswer {
  const json = parseJsonObject(body);
  if (topic.status >= 300) return failure(statusCode(topic.status), topic, json);
  if (!json) return failure("dps-malformed", topic, undefined, "the body is no JSON object");
  const state = objectAt(json, "registrationState");
  // Upper and lower case are the same to DPS.
  const named = state && stringAt(state, "registrationId");
  if (named !== undefined && lowerCase(named) !== lowerCase(registrationId)) {
    return failure("dps-malformed", topic, json, `the answer is for ${shown(named)}`);
  }
  const operationId = stringAt(json, "operationId");
  switch (json.status) {
    case "assigning":
    case "unassigned":
      if (!operationId || !isOperationId(operationId)) {
        return failure("dps-malformed", topic, json, "no usable operationId");
      }
      return { kind: "assigning", operationId, retryAfter: topic.retryAfter };
    case "assigned":
      return assigned(topic, json, state);
    case "failed":
      return failure("dps-failed", topic, state ?? json);
    case "disabled":
    case "blacklisted":
      return failure("dps-disabled", topic, state ?? json);
    default:
      return failure("dps-malformed", topic, json, `unknown status ${kindOf(json.status)}`);
  }
}

function assigned(topic: ResponseTopic, json: JsonObject, state: JsonObject | undefined): DpsAnswer {
  const hub = state && stringAt(state, "assignedHub");
  const deviceId = state && stringAt(state, "deviceId");
  if (!hub || !isHostName(hub)) {
    return failure("dps-malformed", topic, json, `no usable assignedHub${hub ? `: ${shown(hub)}` : ""}`);
  }
  if (!deviceId) return failure("dps-malformed", topic, json, "no deviceId");
  if (!isDeviceId(deviceId)) return failure("dps-device-id", topic, json, shown(deviceId));
  const profile = state.connectionProfile ?? json.connectionProfile ?? "classic";
  if (profile !== "classic") {
    return failure("dps-unknown-profile", topic, json, `connectionProfile ${kindOf(profile)}`);
  }
  const assignment = {
    hub: lowerCase(hub),
    deviceId,
    substatus: stringAt(state, "substatus"),
    payload: objectAt(state, "payload"),
    ...(state.issuedCertificateChain !== undefined && { issued: state.issuedCertificateChain }),
  };
  return { kind: "assigned", assignment };
}

/** Can it be sent back? A lone surrogate has no encoding, and the request has to fit the buffer of `Provisioner`. */
function isOperationId(id: string): boolean {
  try {
    return percentEncode(id).length <= LONGEST_OPERATION_ID;
  } catch {
    return false;
  }
}

function statusCode(status: number): ErrorCode {
  if (status === 429) return "dps-throttled";
  if (status >= 500) return "dps-server-error";
  if (status === 401 || status === 403) return "dps-unauthorized";
  return status === 404 ? "dps-not-found" : "dps-refused";
}

/** @param json where `errorCode`, `trackingId` and the message stand: the error body, or `registrationState` */
function failure(
  code: ErrorCode,
  topic: ResponseTopic,
  json: JsonObject | undefined,
  about?: string,
): DpsAnswer {
  const errorCode = json && numberAt(json, "errorCode");
  const tracked = json && stringAt(json, "trackingId");
  const trackingId = tracked === undefined ? undefined : shown(tracked);
  const message = json && (stringAt(json, "message") ?? stringAt(json, "errorMessage"));
  // That of an answer which came as it should says nothing of what is wrong in it.
  const parts = topic.status < 300 ? [] : [`status ${topic.status}`];
  if (about) parts.push(about);
  const text = answerText(parts, errorCode, message);
  const tracking = trackingId ? `trackingId ${trackingId}` : "";
  return {
    kind: "error",
    error: new BerthError(code, text && tracking ? `${text}; ${tracking}` : text || tracking, {
      status: topic.status,
      ...(topic.retryAfter !== undefined && { retryAfter: topic.retryAfter }),
      ...(errorCode !== undefined && { errorCode }),
      ...(trackingId !== undefined && { trackingId }),
    }),
  };
}

/** A text for a message; not JSON.stringify: a value nested deeply enough would exhaust its stack. */
function kindOf(value: unknown): string {
  return typeof value === "string" ? shown(value) : `of type ${typeof value}`;
}

function objectAt(json: JsonObject, name: string): JsonObject | undefined {
  return asJsonObject(json[name]);
}

function stringAt(json: JsonObject, name: string): string | undefined {
  const value = json[name];
  return typeof value === "string" ? value : undefined;
}

function numberAt(json: JsonObject, name: string): number | undefined {
  const value = json[name];
  return typeof value === "number" ? value : undefined;
}
