// SPDX-License-Identifier: MIT
/** The module `berth`. On the device relative paths would start from that name. */
export * from "berth/hosts/moddable/berth";
export { default } from "berth/hosts/moddable/berth";
