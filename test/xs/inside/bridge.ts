// SPDX-License-Identifier: MIT
/** What tests inside XS ask of Node. */

type Call = (message: Uint8Array) => Uint8Array;

let call: Call | undefined;

/** Set before a test runs. */
export function connect(given: Call): void {
  call = given;
}

/** Says which test runs now, so that one that ends the machine is known. */
export function tellRunning(name: string): void {
  send({ running: name });
}

/** @returns the 32 bytes of HMAC-SHA256 */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return send({ key: [...key], message: [...message] }).slice();
}

function send(request: object): Uint8Array {
  if (!call) throw new Error("a test asks before it runs");
  return call(new TextEncoder().encode(JSON.stringify(request)));
}
