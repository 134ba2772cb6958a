// SPDX-License-Identifier: MIT
/** `berth/certificates` on Node.js: the values of the option `credentials`. */
export type { CredentialReport } from "../../src/agent/credential";
export { IssuedCertificate } from "../../src/credentials/issued-certificate";
export { SignedRoots, type SignedRootsOptions } from "../../src/credentials/signed-roots";
