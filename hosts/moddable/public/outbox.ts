// SPDX-License-Identifier: MIT
/** The module `berth/outbox`. On the device relative paths would start from that name. */
export * from "berth/hosts/moddable/outbox";
