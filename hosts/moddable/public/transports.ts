// SPDX-License-Identifier: MIT
/** The module `berth/transports`. On the device relative paths would start from that name. */
export { transports } from "berth/src/transports";
