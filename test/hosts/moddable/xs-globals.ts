// SPDX-License-Identifier: MIT
/** What XS has and Node 20 lacks, as far as hosts/moddable uses it. Import it for its effect. */

Object.defineProperty(ArrayBuffer, "fromString", {
  configurable: true,
  value: (text: string): ArrayBuffer => new TextEncoder().encode(text).slice().buffer as ArrayBuffer,
});

Object.defineProperty(Uint8Array, "fromBase64", {
  configurable: true,
  value: (text: string): Uint8Array => {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new SyntaxError("invalid string");
    return new Uint8Array(Buffer.from(text, "base64"));
  },
});

export {};
