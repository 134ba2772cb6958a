// SPDX-License-Identifier: MIT
/** Enrollments and groups, by the service API of DPS. */
import { signal } from "@preact/signals";
import { ask, DPS_VERSION, queryAll } from "../link/api";
import { health } from "./emulator";

/** An individual enrollment or a group, as far as the page looks at it. */
export interface Enrollment {
  registrationId?: string;
  enrollmentGroupId?: string;
  deviceId?: string;
  provisioningStatus: "enabled" | "disabled";
  allocationPolicy: string;
  iotHubHostName?: string;
  iotHubs?: string[];
  reprovisionPolicy?: { updateHubAssignment: boolean; migrateDeviceData: boolean };
  attestation: Attestation;
  initialTwin?: object;
  registrationState?: Registration;
  etag: string;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
}

/** What proves its devices. Keys come with `attestationOf` only. */
export interface Attestation {
  type: "symmetricKey" | "x509";
  symmetricKey?: { primaryKey?: string; secondaryKey?: string };
  x509?: Record<string, Record<string, { info?: Record<string, unknown>; certificate?: string }>>;
}

/** What DPS keeps of a registration. */
export interface Registration {
  registrationId: string;
  assignedHub: string;
  deviceId: string;
  status: string;
  substatus: string;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
  etag: string;
  enrollmentGroupId?: string;
  [more: string]: unknown;
}

export type EnrollmentKind = "individual" | "group";

/** Both undefined until they were read. */
export const enrollments = signal<readonly Enrollment[] | undefined>(undefined);
export const groups = signal<readonly Enrollment[] | undefined>(undefined);

const PATHS = { individual: "/enrollments", group: "/enrollmentGroups" };

/** The id of either kind. */
export function idOf({ registrationId, enrollmentGroupId }: Enrollment): string {
  return registrationId ?? enrollmentGroupId ?? "";
}

/** Reads both lists anew. @throws ApiError */
export async function loadEnrollments(): Promise<void> {
  const host = hostOfDps();
  const query = { query: "SELECT * FROM enrollments" };
  const [one, other] = await Promise.all([
    queryAll<Enrollment>(host, `${PATHS.individual}/query?${DPS_VERSION}`, query),
    queryAll<Enrollment>(host, `${PATHS.group}/query?${DPS_VERSION}`, query),
  ]);
  enrollments.value = one;
  groups.value = other;
}

/** With its keys. @throws ApiError */
export function attestationOf(kind: EnrollmentKind, id: string): Promise<Attestation> {
  return ask(hostOfDps(), "POST", `${pathOf(kind, id, "/attestationmechanism")}`, {});
}

/** Creates or replaces one. @throws ApiError */
export async function putEnrollment(kind: EnrollmentKind, id: string, body: object): Promise<void> {
  await ask(hostOfDps(), "PUT", pathOf(kind, id), body);
  await loadEnrollments();
}

/** @throws ApiError */
export async function deleteEnrollment(kind: EnrollmentKind, id: string): Promise<void> {
  await ask(hostOfDps(), "DELETE", pathOf(kind, id));
  await loadEnrollments();
}

/** Registrations by a group. @throws ApiError */
export function registrationsOf(group: string): Promise<Registration[]> {
  return queryAll(hostOfDps(), `/registrations/${encodeURIComponent(group)}/query?${DPS_VERSION}`, {
    query: "SELECT * FROM enrollments",
  });
}

/** The registration of an id. @throws ApiError 404 where there is none */
export function registrationOf(id: string): Promise<Registration> {
  return ask(hostOfDps(), "GET", `/registrations/${encodeURIComponent(id)}?${DPS_VERSION}`);
}

/** Forgets a registration: the next one counts as the first. @throws ApiError */
export async function forgetRegistration(id: string): Promise<void> {
  await ask(hostOfDps(), "DELETE", `/registrations/${encodeURIComponent(id)}?${DPS_VERSION}`);
}

function pathOf(kind: EnrollmentKind, id: string, more = ""): string {
  return `${PATHS[kind]}/${encodeURIComponent(id)}${more}?${DPS_VERSION}`;
}

function hostOfDps(): string {
  return health.peek()?.dps ?? "localhost";
}
