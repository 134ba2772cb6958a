// SPDX-License-Identifier: MIT
/**
 * Errors as the service APIs answer them, which Microsoft's SDKs read back.
 * Source: answers recorded in azure-iot-sdk-csharp#37, azure-iot-sdks#711, azure-iot-sdk-java#292, iotedge#98.
 */
import { randomBytes, randomUUID } from "node:crypto";

/** Names of a hub's errors, with their HTTP status and numeric code. */
const HUB_ERRORS = {
  InvalidProtocolVersion: [400, 400_001],
  ArgumentInvalid: [400, 400_004],
  DefaultStorageEndpointNotConfigured: [400, 400_014],
  InvalidFileUploadCorrelationId: [400, 400_015],
  ExpiredFileUploadCorrelationId: [400, 400_016],
  InvalidStorageEndpointOrBlob: [400, 400_020],
  IotHubUnauthorizedAccess: [401, 401_002],
  Forbidden: [403, 403_000],
  DeviceMaximumActiveFileUploadLimitExceeded: [403, 403_006],
  DeviceNotFound: [404, 404_001],
  JobNotFound: [404, 404_002],
  ResourceNotFound: [404, 404_000],
  DeviceNotOnline: [404, 404_103],
  MethodNotAllowed: [405, 405_000],
  DeviceAlreadyExists: [409, 409_001],
  JobAlreadyExists: [409, 409_002],
  PreconditionFailed: [412, 412_002],
  DeviceMessageLockLost: [412, 412_002],
  MessageTooLarge: [413, 413_001],
  ThrottlingException: [429, 429_001],
  ServerError: [500, 500_000],
  NotImplemented: [501, 501_000],
  GatewayTimeout: [504, 504_101],
} as const;
export type HubErrorName = keyof typeof HUB_ERRORS;

/** A request that a service API refuses. The message is for people; it never holds a key or a token. */
export class ServiceError extends Error {
  readonly hubName: HubErrorName;
  readonly status: number;
  /** As Azure counts them; another for DPS where it has its own. */
  readonly errorCode: number;

  constructor(name: HubErrorName, message: string, errorCode: number = HUB_ERRORS[name][1]) {
    super(message);
    this.name = "ServiceError";
    this.hubName = name;
    this.status = HUB_ERRORS[name][0];
    this.errorCode = errorCode;
  }
}

/** The failure of a direct method: its hub answers in JSON inside JSON. */
export class MethodError extends ServiceError {
  readonly info: object;

  constructor(name: "DeviceNotOnline" | "GatewayTimeout", message: string, info: object = {}) {
    super(name, message);
    this.info = info;
  }
}

/** The answer of a hub. @param now milliseconds since 1970 */
export function hubErrorResponse(error: ServiceError, now: number): Response {
  const { status, hubName, errorCode } = error;
  const trackingId = `${randomBytes(16).toString("hex").toUpperCase()}-G:0-TimeStamp:${date(now)}`;
  const body =
    error instanceof MethodError
      ? {
          Message: JSON.stringify({
            errorCode,
            trackingId,
            message: error.message,
            info: error.info,
            timestampUtc: new Date(now).toISOString(),
          }),
          ExceptionMessage: "",
        }
      : {
          // The SDKs take what stands between the first two semicolons.
          Message: `ErrorCode:${hubName};${error.message.replaceAll(";", ",")}`,
          ExceptionMessage: `Tracking ID:${trackingId}`,
        };
  return Response.json(body, { status, headers: { "iothub-errorcode": hubName } });
}

/** The answer of DPS. @param now milliseconds since 1970 */
export function dpsErrorResponse({ status, errorCode, message }: ServiceError, now: number): Response {
  const timestampUtc = new Date(now).toISOString();
  return Response.json({ errorCode, trackingId: randomUUID(), message, timestampUtc }, { status });
}

/** A time as Azure writes it in a tracking id. */
function date(now: number): string {
  const [day = "", time = ""] = new Date(now).toISOString().split("T");
  const [year, month, dayOfMonth] = day.split("-");
  return `${month}/${dayOfMonth}/${year} ${time.slice(0, 8)}`;
}
