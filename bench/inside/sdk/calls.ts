// SPDX-License-Identifier: MIT

/** The name by which the SDK's manifests bind its client. */
export const SDK_CLIENT = "embedded:network/mqtt/client";

/** How often the stand-ins for natives of the Moddable SDK were called. */
export const calls = {
  clearTimer: 0,
  createDns: 0,
  createSocket: 0,
  fireTimer: 0,
  fromArrayBuffer: 0,
  fromString: 0,
  readByte: 0,
  readInto: 0,
  resolve: 0,
  setTimer: 0,
  write: 0,
};
