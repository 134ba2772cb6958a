// SPDX-License-Identifier: MIT
/** What a caller may be allowed to do; the names are those of Azure's resource manager. */
export const RIGHTS = [
  "RegistryRead",
  "RegistryWrite",
  "ServiceConnect",
  "DeviceConnect",
  "ServiceConfig",
  "EnrollmentRead",
  "EnrollmentWrite",
  "RegistrationStatusRead",
  "RegistrationStatusWrite",
] as const;
export type Right = (typeof RIGHTS)[number];
