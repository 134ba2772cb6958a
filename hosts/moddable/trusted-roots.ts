// SPDX-License-Identifier: MIT
/** The root certificates in the image; certificates/README.md says where they come from. */

/** The files in certificates/, without their ending `.der`. */
export const TRUSTED_ROOTS: readonly string[] = Object.freeze([
  "digicert-global-root-g2",
  "microsoft-rsa-root-2017",
  // Expired on 2025-05-12 and left by Azure before: told with one line and refused, here because the mission names it.
  "baltimore-cybertrust-root",
]);
