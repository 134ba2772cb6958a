// SPDX-License-Identifier: MIT
/** The module `berth/proxy`. On the device relative paths would start from that name. */
export { httpProxy } from "berth/hosts/sockets/proxied-tcp";
