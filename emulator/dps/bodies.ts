// SPDX-License-Identifier: MIT
/** The JSON that DPS answers with. Source: azure-rest-api-specs, Device API 2021-10-01; section 1.6 of the protocol notes. */
import type { X509Certificate } from "node:crypto";
import { azureDate, errorBody } from "../azure-error";
import { thumbprintsOf } from "../certificates";
import { commonNameOf } from "../client-certificate";
import type { CertificateInfo, CertificateRecord, RegistrationRecord } from "../records";
import type { DpsIdentity } from "./identity";

/** An error response: its status in the topic and its body's content. */
export interface DpsError {
  status: number;
  errorCode: number;
  message: string;
  /** Seconds; adds `retry-after` to the topic. */
  retryAfter?: number;
}

/** A response: the status and retry-after go into the topic. */
export interface DpsResponse {
  status: number;
  retryAfter?: number;
  body: unknown;
}

/** Builds an error. `errorCode` is the status times 1000 plus a detail. */
export function dpsError(status: number, errorCode: number, message: string, retryAfter?: number): DpsError {
  return { status, errorCode, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** True for what `dpsError` builds. */
export function isDpsError(value: object): value is DpsError {
  return "errorCode" in value && "message" in value;
}

/** The error as a response. @param now milliseconds since 1970 */
export function errorResponse(error: DpsError, now: number): DpsResponse {
  const { status, errorCode, message, retryAfter } = error;
  const body = errorBody(errorCode, message, now);
  return { status, body, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** 202: still at work. */
export function assigningResponse(operationId: string, retryAfter: number): DpsResponse {
  return { status: 202, retryAfter, body: { operationId, status: "assigning" } };
}

/** `registrationState` of a device that is assigned. */
export function registrationState(record: RegistrationRecord, identity: DpsIdentity): object {
  const {
    registrationId,
    createdDateTimeUtc,
    assignedHub,
    deviceId,
    substatus,
    lastUpdatedDateTimeUtc,
    etag,
  } = record;
  return {
    ...attestationResult(identity),
    registrationId,
    createdDateTimeUtc,
    assignedHub,
    deviceId,
    status: "assigned",
    substatus,
    lastUpdatedDateTimeUtc,
    etag,
    ...(record.payload === undefined ? {} : { payload: record.payload }),
  };
}

/**
 * 200 with `assigned`.
 * @param connectionProfile sent when given (2026-11-02-preview)
 * @param issuedCertificateChain base64 of DER, leaf first
 */
export function assignedResponse(
  operationId: string,
  record: RegistrationRecord,
  identity: DpsIdentity,
  connectionProfile?: string,
  issuedCertificateChain?: string[],
): DpsResponse {
  const state = {
    ...registrationState(record, identity),
    ...(connectionProfile === undefined ? {} : { connectionProfile }),
    ...(issuedCertificateChain === undefined ? {} : { issuedCertificateChain }),
  };
  return { status: 200, body: { operationId, status: "assigned", registrationState: state } };
}

/** 200 with `failed` or `disabled`: the topic says success, the body does not. @param now milliseconds since 1970 */
export function unassignedResponse(
  operationId: string,
  registrationId: string,
  outcome: { status: "failed"; errorCode: number; errorMessage: string } | { status: "disabled" },
  now: number,
): DpsResponse {
  const date = azureDate(now);
  const registrationState = {
    registrationId,
    createdDateTimeUtc: date,
    lastUpdatedDateTimeUtc: date,
    ...outcome,
  };
  return { status: 200, body: { operationId, status: outcome.status, registrationState } };
}

function groupOf({ enrollment }: DpsIdentity): { enrollmentGroupId?: string } {
  return enrollment.kind === "group" ? { enrollmentGroupId: enrollment.value.enrollmentGroupId } : {};
}

/** What the device is told: its group at most. The certificates are for the service's side. */
function attestationResult(identity: DpsIdentity): object {
  return { [identity.proof.type]: groupOf(identity) };
}

/** What the registration record keeps of the certificates; undefined for a key. */
export function certificateRecord(identity: DpsIdentity): CertificateRecord | undefined {
  if (identity.proof.type !== "x509") return undefined;
  const { certificate, signer } = identity.proof;
  return {
    certificateInfo: certificateInfo(certificate),
    ...groupOf(identity),
    ...(signer ? { signingCertificateInfo: certificateInfo(signer) } : {}),
  };
}

/** A certificate as the service API shows it. */
export function certificateInfo(certificate: X509Certificate): CertificateInfo {
  return {
    subjectName: `CN=${commonNameOf(certificate) ?? ""}`,
    ...thumbprintsOf(certificate.raw),
    // Node has undefined for an empty name.
    issuerName: (certificate.issuer ?? "").split("\n").join(", "),
    notBeforeUtc: azureDate(Date.parse(certificate.validFrom)),
    notAfterUtc: azureDate(Date.parse(certificate.validTo)),
    serialNumber: certificate.serialNumber,
    version: 3,
  };
}
