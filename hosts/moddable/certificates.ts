// SPDX-License-Identifier: MIT
/** Certificates and roots of the field on the SDK; loaded by name where manifest_certificates.json is in the app. */
import { ecGenerate, ecSign, ecVerify } from "berth/natives/ec";
import { credentialsOf } from "../../src/credentials/credential-list";
import { isBound, twinWithCredentials } from "../../src/credentials/credential-twin";
import type { CertificateHost } from "../../src/host";
import { NativeCertificates } from "../native/certificates";
import type { NativeTlsOptions } from "../native/tls";
import type { FieldCredentials } from "./host-options";
import type { ClientCertificate } from "../sockets/client-certificate";

export type { CredentialReport } from "../../src/agent/credential";
export { IssuedCertificate } from "../../src/credentials/issued-certificate";
export { SignedRoots, type SignedRootsOptions } from "../../src/credentials/signed-roots";

/** For an app whose settings say which: the credentials, and the twin that roots come in. @throws BerthError `invalid-argument` for a wrong key */
export function credentialsWithTwin(settings: {
  readonly issue: boolean;
  readonly rootsKey: string;
}): FieldCredentials {
  const credentials = credentialsOf(settings);
  return {
    credentials,
    features: credentials.some(isBound) ? [twinWithCredentials({}, credentials)] : [],
  };
}

/** For the host. @param certificate of the device: a copy, for TLS overwrites the key */
export function createCertificates(
  tls: NativeTlsOptions,
  certificate: ClientCertificate | undefined,
): CertificateHost {
  return new NativeCertificates({ natives: { ecGenerate, ecSign, ecVerify }, tls, certificate });
}
