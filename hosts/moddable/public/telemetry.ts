// SPDX-License-Identifier: MIT
/** The module `berth`. On the device relative paths would start from that name. */
export * from "berth/hosts/moddable/telemetry";
export { default } from "berth/hosts/moddable/telemetry";
