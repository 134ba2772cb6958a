// SPDX-License-Identifier: MIT
/** What others use of the emulator. */

export { DPS_HOST } from "./certificate-authority";
export * from "./certificates";
export { type Clock, ManualClock, systemClock } from "./clock";
export * from "./configuration";
export { parseConfiguration } from "./configuration-reader";
export { configurationSchema } from "./configuration-schema";
export { Emulator } from "./emulator";
export type { Counts, EmulatorEvents } from "./events";
export { parseFaults } from "./fault-reader";
export type { FaultRule } from "./faults";
export type { Telemetry } from "./hub/endpoint";
export { MethodFailed } from "./hub/method-failed";
export { DocumentError } from "./json-reader";
export type { EmulatorOptions } from "./options";
export { deriveDeviceKey, newSymmetricKey } from "./shared-access-signature";
