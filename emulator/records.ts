// SPDX-License-Identifier: MIT
/** Everything the emulator remembers. */
import type { EnrollmentGroup, IndividualEnrollment, SymmetricKeys } from "./configuration";
import type { Json, JsonObject } from "./json-reader";
import type { Right } from "./rights";

/** A registration that DPS has completed. */
export interface RegistrationRecord {
  /** As the device wrote it the first time; the key of the map is in lower case. */
  registrationId: string;
  assignedHub: string;
  deviceId: string;
  substatus: string;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
  etag: string;
  payload?: JsonObject;
  /** The group that it came by. */
  enrollmentGroupId?: string;
  /** What proved it, when that was a certificate. */
  x509?: CertificateRecord;
  /** `modelId` of the device's payload, as IoT Plug and Play has it. */
  modelId?: string;
}

/** The certificate of a registration, and the one that signed it, as Azure's service API shows them. */
export interface CertificateRecord {
  certificateInfo: CertificateInfo;
  enrollmentGroupId?: string;
  signingCertificateInfo?: CertificateInfo;
}

/** A certificate in Azure's field names. */
export interface CertificateInfo {
  subjectName: string;
  sha1Thumbprint: string;
  sha256Thumbprint: string;
  issuerName: string;
  notBeforeUtc: string;
  notAfterUtc: string;
  serialNumber: string;
  version: number;
}

/** How a device proves itself to its hub. */
export type DeviceAuthentication =
  | { type: "symmetricKey"; symmetricKey: SymmetricKeys }
  /** By DPS. */
  | { type: "x509"; sha256Thumbprint: string }
  /** By a certificate that DPS or the hub has issued for this common name. */
  | { type: "issued"; commonName: string }
  /** By an operator: SHA-1 or SHA-256, upper-case hexadecimal; either proves the identity. */
  | { type: "selfSigned"; primaryThumbprint: string; secondaryThumbprint?: string };

/** A device twin; versions start at 1. */
export interface Twin {
  tags: JsonObject;
  desired: JsonObject;
  desiredVersion: number;
  reported: JsonObject;
  reportedVersion: number;
  /** When each property changed, in the form of `$metadata`; see `stampTwin`. */
  metadata?: { desired?: JsonObject; reported?: JsonObject };
}

/** A cloud-to-device message that the device has not acknowledged. */
export interface QueuedMessage {
  /** Unique in the emulator. */
  sequence: number;
  /** Encoded property bag: what follows `devicebound/` in the topic. */
  bag: string;
  bodyBase64: string;
  /** Milliseconds since 1970. */
  expiry: number;
  /** Milliseconds since 1970; absent from states of older emulators. */
  enqueuedTime?: number;
  deliveryCount: number;
  /** Packet identifier, while a session holds it unacknowledged. */
  packetId?: number;
}

/** A device identity in one hub. */
export interface DeviceRecord {
  deviceId: string;
  status: "enabled" | "disabled";
  authentication: DeviceAuthentication;
  twin: Twin;
  queue: QueuedMessage[];
  /** `model-id` of the user name that connected last. */
  modelId?: string;
  /** Subscriptions of a session with CleanSession 0. */
  session?: Record<string, number>;
  /** Tells two devices apart that had one id after another; absent from states of older emulators. */
  generationId?: string;
  statusReason?: string;
  /** ISO 8601. */
  statusUpdatedTime?: string;
}

/** A shared access policy of a hub, or of DPS. */
export interface StoredPolicy extends Required<SymmetricKeys> {
  host: string;
  keyName: string;
  rights: Right[];
}

/** What the service API did to an enrollment: it goes before the configuration's. */
export interface EnrollmentChange {
  kind: "individual" | "group";
  /** As it was written; absent when it was deleted. */
  value?: IndividualEnrollment | EnrollmentGroup;
  /** The registration or group id in lower case. */
  key: string;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
}

/** A fresh twin. */
export function newTwin(initial: { tags?: JsonObject; desired?: JsonObject } = {}): Twin {
  const copy = (value: JsonObject | undefined) => structuredClone<Json>(value ?? {}) as JsonObject;
  return {
    tags: copy(initial.tags),
    desired: copy(initial.desired),
    desiredVersion: 1,
    reported: {},
    reportedVersion: 1,
  };
}
