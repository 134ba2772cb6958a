// SPDX-License-Identifier: MIT
/**
 * What the emulator is configured with, in the field names of Azure's Device Provisioning Service API
 * (individualEnrollments and enrollmentGroups of azure-rest-api-specs, 2021-10-01).
 */
import type { JsonObject } from "./json-reader";
import type { Right } from "./rights";

/** A pair of base64 keys; either proves the identity. */
export interface SymmetricKeys {
  primaryKey: string;
  secondaryKey?: string;
}

/** A certificate of an enrollment: whole, or by thumbprint only (upper-case hexadecimal, no separators). */
export interface EnrolledCertificate {
  /** PEM; needed for a signing certificate of a group. */
  certificate?: string;
  info?: { sha1Thumbprint?: string; sha256Thumbprint?: string };
}

/** A primary certificate and the one that replaces it at a roll-over. */
export interface CertificatePair {
  primary: EnrolledCertificate;
  secondary?: EnrolledCertificate;
}

/** How a device proves who it is. */
export type Attestation =
  | { type: "symmetricKey"; symmetricKey: SymmetricKeys }
  | { type: "x509"; x509: { clientCertificates?: CertificatePair; signingCertificates?: CertificatePair } };

/** Which hub a device is given. */
export type AllocationPolicy = "hashed" | "geoLatency" | "static" | "custom";

/** What happens when a device that has an assignment registers again. Azure's default is both true. */
export interface ReprovisionPolicy {
  updateHubAssignment: boolean;
  migrateDeviceData: boolean;
}

/** The twin that a device starts with. */
export interface InitialTwin {
  tags?: JsonObject;
  properties?: { desired?: JsonObject };
}

/** What individual enrollments and groups have in common. */
export interface EnrollmentBase {
  attestation: Attestation;
  provisioningStatus?: "enabled" | "disabled";
  allocationPolicy?: AllocationPolicy;
  /** In place of Azure's webhook: a JavaScript module whose default export is a `CustomAllocation`. */
  customAllocationDefinition?: { module?: string };
  reprovisionPolicy?: ReprovisionPolicy;
  /** The hubs to choose from; all linked hubs when absent. */
  iotHubs?: string[];
  /** The hub of the policy `static`. */
  iotHubHostName?: string;
  initialTwin?: InitialTwin;
  /** Who issues certificates to devices that ask for one; here it is the emulator's own CA, whatever the name. */
  clientCertificateIssuancePolicy?: { certificateAuthorityName: string };
  /** The same in later versions of the API: a policy of Azure Device Registry. */
  credentialPolicyName?: string;
}

/** One device. */
export interface IndividualEnrollment extends EnrollmentBase {
  registrationId: string;
  /** The device id in the hub; the registration id when absent. */
  deviceId?: string;
}

/** Any number of devices that share a key or a signing certificate. */
export interface EnrollmentGroup extends EnrollmentBase {
  enrollmentGroupId: string;
}

/** A shared access policy: in the field names of Azure's resource manager, its rights as a list. */
export interface AccessPolicy extends SymmetricKeys {
  keyName: string;
  /** Those that Azure gives a policy of this name when absent; a name of your own needs them. */
  rights?: Right[];
}

/** A hub linked to the DPS instance. */
export interface LinkedHub {
  /** Host name. */
  name: string;
  /** Share of devices under the policy `hashed`, 1 to 1000; 1 when absent. */
  allocationWeight?: number;
  /** Keys of your own; every other policy gets keys at the first start. */
  authorizationPolicies?: AccessPolicy[];
  /** Where devices upload files to; without it they cannot. */
  storage?: HubStorage;
}

/** A container of an account of Azure Storage, or of Azurite. It has to exist. */
export interface HubStorage {
  /** `DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…`, with a `BlobEndpoint=` for Azurite. */
  connectionString: string;
  containerName: string;
}

/** The content of the configuration file. */
export interface Configuration {
  idScope: string;
  /** Where services find DPS; `berth.azure-devices-provisioning.net` when absent. */
  serviceOperationsHostName?: string;
  /** Of DPS, as `LinkedHub.authorizationPolicies`. */
  authorizationPolicies?: AccessPolicy[];
  iotHubs: LinkedHub[];
  enrollments: IndividualEnrollment[];
  enrollmentGroups: EnrollmentGroup[];
  /** Where it was read, for those who look into a refusal: the file, and the line of each enrollment, counted from 1. */
  places?: { source: string; enrollments: number[]; enrollmentGroups: number[] };
}

/** What a custom allocation function is told: the body of Azure's webhook request, by its field names. */
export interface CustomAllocationRequest {
  enrollmentGroup?: EnrollmentGroup;
  individualEnrollment?: IndividualEnrollment;
  deviceRuntimeContext: { registrationId: string; currentIotHubHostName?: string; payload?: JsonObject };
  linkedHubs: string[];
}

/** What a custom allocation function answers: the body of the webhook's response. */
export interface CustomAllocationResponse {
  iotHubHostName: string;
  initialTwin?: InitialTwin;
  payload?: JsonObject;
}

/** Chooses the hub of a device. A throw makes the registration fail. */
export type CustomAllocation = (
  request: CustomAllocationRequest,
) => CustomAllocationResponse | Promise<CustomAllocationResponse>;
