// SPDX-License-Identifier: MIT
/** The one method that is used of the SDK's `ssl/cert`; the SDK declares no types for it. */
declare module "ssl/cert" {
  const CertificateManager: {
    /** Trusts a root for every connection from now on. It looks neither at the date nor at the signature. */
    register(der: ArrayBuffer | Uint8Array): void;
  };
  export default CertificateManager;
}
