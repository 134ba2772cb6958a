// SPDX-License-Identifier: MIT
/**
 * Who is at the door of DPS: symmetric keys (individual, or derived from a group's key) and X.509 (individual
 * certificate, or a chain up to a group's signing certificate).
 * Source: "Symmetric key attestation" and "X.509 certificate attestation" (Azure documents).
 */
import type { X509Certificate } from "node:crypto";
import {
  commonNameOf,
  isEnrolled,
  isForClients,
  isValidAt,
  pathProblem,
  signerOf,
  validityAt,
} from "../client-certificate";
import type { EnrollmentRegistry } from "../enrollment-registry";
import { endedAt, parseSharedAccessSignature, resourceOf } from "../shared-access-signature";
import { haveSigned } from "../symmetric-keys";
import { type DpsError, dpsError } from "./bodies";
import type { DpsIdentity } from "./identity";

/** What a CONNECT to DPS presents. */
export interface DpsCredentials {
  registrationId: string;
  /** Absent or empty for X.509. */
  password: string;
  /** Leaf first; empty without a client certificate. */
  chain: readonly X509Certificate[];
}

/** What the service goes by. */
export interface DpsRules {
  idScope: string;
  /** Refuses a certificate whose extended key usage leaves out clientAuth. */
  requireClientAuth: boolean;
}

/**
 * Checks the credentials. An individual enrollment goes before any group.
 * @param now milliseconds since 1970
 * @returns the identity, or the error that DPS would answer
 */
export function authenticate(
  registry: EnrollmentRegistry,
  rules: DpsRules,
  credentials: DpsCredentials,
  now: number,
): DpsIdentity | DpsError {
  return credentials.password === ""
    ? byCertificate(registry, rules, credentials, now)
    : bySignature(registry, rules, credentials, now);
}

function unauthorized(message: string): DpsError {
  return dpsError(401, 401002, message);
}

const UNKNOWN = (id: string) => dpsError(404, 404000, `No enrollment fits the registration id ${id}.`);

function bySignature(
  registry: EnrollmentRegistry,
  { idScope }: DpsRules,
  { registrationId, password }: DpsCredentials,
  now: number,
): DpsIdentity | DpsError {
  const token = parseSharedAccessSignature(password);
  if (!token) return unauthorized("Unauthorized: the password is no shared access signature.");
  const resource = `${idScope}/registrations/${registrationId}`;
  if (resourceOf(token)?.toLowerCase() !== resource.toLowerCase()) {
    return unauthorized(`Unauthorized: the token's sr is not ${resource}, percent-encoded.`);
  }
  // Microsoft's own SDKs for Python and embedded C send none.
  if (token.skn !== undefined && token.skn !== "registration")
    return unauthorized("Unauthorized: the token's skn is not registration; correct it or leave it out.");
  if (token.se * 1000 <= now)
    return unauthorized(`Unauthorized: the token ${endedAt(token.se * 1000, now)}.`);
  const individual = registry.individual(registrationId);
  if (individual) {
    if (individual.attestation.type !== "symmetricKey")
      return unauthorized("Unauthorized: the enrollment asks for a certificate.");
    const { symmetricKey } = individual.attestation;
    if (!haveSigned(symmetricKey, token)) return unauthorized("Unauthorized: wrong key.");
    return {
      registrationId,
      enrollment: { kind: "individual", value: individual },
      proof: { type: "symmetricKey", symmetricKey },
    };
  }
  const membership = registry.groupOf(registrationId, token);
  if (membership)
    return {
      registrationId,
      enrollment: { kind: "group", value: membership.group },
      proof: { type: "symmetricKey", symmetricKey: membership.symmetricKey },
    };
  const anyGroup = [...registry.groups].some(({ attestation }) => attestation.type === "symmetricKey");
  return anyGroup
    ? unauthorized(
        `Unauthorized: unknown id: no enrollment is for ${registrationId}, and no group's key signed for it.`,
      )
    : UNKNOWN(registrationId);
}

function byCertificate(
  registry: EnrollmentRegistry,
  { requireClientAuth }: DpsRules,
  { registrationId, chain }: DpsCredentials,
  now: number,
): DpsIdentity | DpsError {
  const [certificate] = chain;
  if (!certificate) return unauthorized("Unauthorized: neither a password nor a client certificate.");
  if (!isValidAt(certificate, now))
    return unauthorized(`Invalid certificate. It ${validityAt(certificate, now)}.`);
  if (commonNameOf(certificate)?.toLowerCase() !== registrationId.toLowerCase()) {
    return unauthorized("Invalid certificate. Its common name is not the registration id.");
  }
  if (requireClientAuth && !isForClients(certificate))
    return unauthorized("Invalid certificate. Its extended key usage leaves out clientAuth.");
  const individual = registry.individual(registrationId);
  if (individual) {
    const { attestation } = individual;
    if (attestation.type !== "x509" || !isEnrolled(certificate, attestation.x509.clientCertificates)) {
      return unauthorized("Invalid certificate. The enrollment names another one.");
    }
    return {
      registrationId,
      enrollment: { kind: "individual", value: individual },
      proof: { type: "x509", certificate },
    };
  }
  let anyGroup = false;
  let tooNarrow: X509Certificate | undefined;
  for (const group of registry.likelyGroups(registrationId)) {
    if (group.attestation.type !== "x509") continue;
    anyGroup = true;
    const { signer, narrow } = signerOf(chain, group.attestation.x509.signingCertificates, now);
    tooNarrow ??= narrow;
    if (signer)
      return {
        registrationId,
        enrollment: { kind: "group", value: group },
        proof: { type: "x509", certificate, signer },
      };
  }
  if (!anyGroup) return UNKNOWN(registrationId);
  if (tooNarrow) return unauthorized(`Invalid certificate. ${pathProblem(tooNarrow)}.`);
  const stale = chain.slice(1).find((issuer) => !isValidAt(issuer, now));
  const why = stale
    ? `Its issuer's ${validityAt(stale, now)}`
    : `Unknown id: no enrollment is for ${registrationId}, and no group's certificate signed it`;
  const alone = chain.length === 1 ? "; it came without an intermediate" : "";
  return unauthorized(`Invalid certificate. ${why}${alone}.`);
}
