// SPDX-License-Identifier: MIT
/** Who DPS has let in, and by which enrollment. */
import type { X509Certificate } from "node:crypto";
import type { EnrollmentGroup, IndividualEnrollment, SymmetricKeys } from "../configuration";

/** The enrollment that lets a device in. */
export type Enrollment =
  | { kind: "individual"; value: IndividualEnrollment }
  | { kind: "group"; value: EnrollmentGroup };

/** What was proven; the hub identity is made from it. */
export type Proof =
  | { type: "symmetricKey"; symmetricKey: SymmetricKeys }
  | { type: "x509"; certificate: X509Certificate; signer?: X509Certificate };

/** An authenticated device. */
export interface DpsIdentity {
  registrationId: string;
  enrollment: Enrollment;
  proof: Proof;
}
