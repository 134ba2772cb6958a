// SPDX-License-Identifier: MIT
/** Enrollments and registrations as the service API of DPS shows them. Source: its REST reference, 2021-10-01. */
import { X509Certificate } from "node:crypto";
import type { Attestation, CertificatePair, EnrolledCertificate } from "../../configuration";
import { azureDate } from "../../azure-error";
import { certificateInfo } from "../../dps/bodies";
import type { EnrollmentChange, RegistrationRecord } from "../../records";
import { etagOf } from "../etag";

/** An enrollment, and what the service noted about it. */
export interface Entry {
  value: NonNullable<EnrollmentChange["value"]>;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
}

/** The entity tag of an enrollment. */
export function enrollmentEtag({ value, lastUpdatedDateTimeUtc }: Entry): string {
  return etagOf([value, lastUpdatedDateTimeUtc]);
}

/** An enrollment without its keys, which `attestationDocument` has. */
export function enrollmentDocument(entry: Entry, registration: RegistrationRecord | undefined): object {
  const { value, createdDateTimeUtc, lastUpdatedDateTimeUtc } = entry;
  const { attestation } = value;
  return {
    provisioningStatus: "enabled",
    allocationPolicy: "hashed",
    reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
    capabilities: { iotEdge: false },
    ...value,
    attestation:
      attestation.type === "symmetricKey" ? { type: "symmetricKey" } : attestationDocument(attestation),
    ...(registration ? { registrationState: registrationDocument(registration) } : {}),
    etag: enrollmentEtag(entry),
    createdDateTimeUtc,
    lastUpdatedDateTimeUtc,
  };
}

/** What proves a device: keys, or what is known of certificates. */
export function attestationDocument(attestation: Attestation): object {
  if (attestation.type === "symmetricKey") return attestation;
  const { clientCertificates, signingCertificates } = attestation.x509;
  return {
    type: "x509",
    x509: {
      ...(clientCertificates ? { clientCertificates: pairDocument(clientCertificates) } : {}),
      ...(signingCertificates ? { signingCertificates: pairDocument(signingCertificates) } : {}),
    },
  };
}

function pairDocument({ primary, secondary }: CertificatePair): object {
  return {
    primary: { info: infoOf(primary) },
    ...(secondary ? { secondary: { info: infoOf(secondary) } } : {}),
  };
}

function infoOf({ certificate, info = {} }: EnrolledCertificate): object {
  return certificate === undefined ? info : certificateInfo(new X509Certificate(certificate));
}

/** A registration. */
export function registrationDocument(record: RegistrationRecord): object {
  const { x509, ...state } = record;
  return { ...state, status: "assigned", ...(x509 ? { x509 } : {}) };
}

/** @param now milliseconds since 1970 */
export function entryOf(value: Entry["value"], change: EnrollmentChange | undefined, now: number): Entry {
  const date = azureDate(now);
  return {
    value,
    createdDateTimeUtc: change?.createdDateTimeUtc ?? date,
    lastUpdatedDateTimeUtc: change?.lastUpdatedDateTimeUtc ?? date,
  };
}
