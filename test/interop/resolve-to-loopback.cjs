// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process; it replaces an overloaded function of Node.js.
/**
 * Preloaded (`node --require`) into the child that runs Microsoft's SDKs: every host name leads to the emulator's
 * address, as an entry in /etc/hosts would, but without root. The SDKs and TLS go on seeing the real names.
 */
const dns = require("node:dns");

const address = process.env.EMULATOR_ADDRESS;
dns.lookup = (_name, options, callback) => {
  const done = typeof options === "function" ? options : callback;
  const all = typeof options === "object" && options !== null && options.all;
  process.nextTick(() => (all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
};
