// SPDX-License-Identifier: MIT
/** The body that creates or updates an enrollment: what it leaves out is made, or kept. */
import { X509Certificate } from "node:crypto";
import { thumbprintsOf } from "../../certificates";
import type { Attestation, CertificatePair, EnrolledCertificate } from "../../configuration";
import { ENROLLMENT, GROUP, unlinked } from "../../configuration-reader";
import { readJson } from "../../json-reader";
import { newSymmetricKey } from "../../shared-access-signature";
import { isJsonObject } from "../../shapes";
import { ServiceError } from "../service-error";
import type { Entry } from "./enrollment-documents";

/**
 * Reads an enrollment.
 * @param kind which sort it is
 * @param body JSON
 * @param old the enrollment that it replaces
 * @param hubs that it may name
 * @throws DocumentError, ServiceError for what is wrong in it or not served
 */
export function readEnrollment(
  kind: "individual" | "group",
  body: unknown,
  old: Entry["value"] | undefined,
  hubs: readonly string[],
): Entry["value"] {
  const whole = isJsonObject(body) ? completed(body, old?.attestation) : body;
  const source = "the body";
  const value = kind === "individual" ? readJson(ENROLLMENT, whole, source) : readJson(GROUP, whole, source);
  // A path from outside would run code of this machine.
  if (value.customAllocationDefinition?.module !== undefined)
    throw new ServiceError(
      "ArgumentInvalid",
      "customAllocationDefinition.module is for the configuration file only",
    );
  const wrong = unlinked(value, hubs);
  if (wrong) throw new ServiceError("ArgumentInvalid", `the body: ${wrong.field} ${wrong.problem}`);
  return value;
}

/** With keys and certificates of the enrollment before, which the API does not show and so does not get back. */
function completed(body: Record<string, unknown>, old: Attestation | undefined): unknown {
  const { attestation } = body;
  if (!isJsonObject(attestation)) return body;
  if (attestation.type === "tpm")
    throw new ServiceError("NotImplemented", "attestation.type tpm is not served; take symmetricKey or x509");
  if (attestation.type === "symmetricKey") {
    const given = isJsonObject(attestation.symmetricKey) ? attestation.symmetricKey : {};
    const former = old?.type === "symmetricKey" ? old.symmetricKey : undefined;
    const symmetricKey = {
      ...given,
      primaryKey: given.primaryKey || (former?.primaryKey ?? newSymmetricKey()),
      secondaryKey: given.secondaryKey || (former?.secondaryKey ?? newSymmetricKey()),
    };
    return { ...body, attestation: { ...attestation, symmetricKey } };
  }
  const known = old?.type === "x509" ? [old.x509.clientCertificates, old.x509.signingCertificates] : [];
  const certificates = known.flatMap((pair) => certificatesOf(pair));
  return certificates.length === 0
    ? body
    : { ...body, attestation: withCertificates(attestation, certificates) };
}

function certificatesOf(pair: CertificatePair | undefined): EnrolledCertificate[] {
  return [pair?.primary, pair?.secondary].filter((one) => one !== undefined);
}

/** `value` with the certificate in place of each `info` that is about it. */
function withCertificates(value: unknown, known: readonly EnrolledCertificate[]): unknown {
  if (!isJsonObject(value)) return value;
  const { info, certificate } = value;
  if (isJsonObject(info) && !certificate) {
    const found = known.find(
      (one) =>
        one.certificate !== undefined &&
        thumbprintsOf(new X509Certificate(one.certificate).raw).sha256Thumbprint === info.sha256Thumbprint,
    );
    return found ? { certificate: found.certificate } : value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withCertificates(member, known)]),
  );
}
