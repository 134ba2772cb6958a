// SPDX-License-Identifier: MIT
// @ts-nocheck: plain CommonJS for a child process; it replaces overloaded functions of Node.js.
/**
 * Preloaded (`node --require`) into the child that runs Microsoft's SDKs, which know no ports but 443 and 5671: what goes
 * there goes to the emulator's, as a rule of a firewall would do it, but without root. Names, TLS and HTTP are left alone.
 */
const net = require("node:net");

const ports = {
  443: Number(process.env.EMULATOR_HTTPS_PORT),
  5671: Number(process.env.EMULATOR_AMQPS_PORT),
};
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  if (typeof options === "object" && options !== null && ports[options.port])
    Object.assign(options, { port: ports[options.port], host: process.env.EMULATOR_ADDRESS ?? "127.0.0.1" });
  return connect.apply(this, given);
};
