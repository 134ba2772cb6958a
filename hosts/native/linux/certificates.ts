// SPDX-License-Identifier: MIT
/** `berth/certificates` on the Linux host: the values of the option `credentials`. */
export { IssuedCertificate } from "../../../src/credentials/issued-certificate";
export { SignedRoots } from "../../../src/credentials/signed-roots";
