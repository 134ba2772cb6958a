// SPDX-License-Identifier: MIT
/** What happens to a device that registers again. Source: "IoT Hub Device reprovisioning concepts" (Azure documents). */
import type { ReprovisionPolicy } from "../configuration";
import type { RegistrationRecord } from "../records";

/** The outcome: `keep` leaves twin and messages, `migrate` carries them to the hub chosen, `reset` starts anew. */
export interface ReprovisioningDecision {
  keepHub: boolean;
  data: "keep" | "migrate" | "reset";
  substatus:
    | "initialAssignment"
    | "deviceDataMigrated"
    | "deviceDataReset"
    | "reprovisionedToInitialAssignment";
}

/** @param current the assignment in force; undefined for a device without one. @param policy Azure's default migrates */
export function decideReprovisioning(
  current: RegistrationRecord | undefined,
  policy: ReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: true },
): ReprovisioningDecision {
  if (!current) return { keepHub: false, data: "reset", substatus: "initialAssignment" };
  if (!policy.updateHubAssignment) {
    return { keepHub: true, data: "keep", substatus: "reprovisionedToInitialAssignment" };
  }
  return policy.migrateDeviceData
    ? { keepHub: false, data: "migrate", substatus: "deviceDataMigrated" }
    : { keepHub: false, data: "reset", substatus: "deviceDataReset" };
}
