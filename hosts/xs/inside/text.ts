// SPDX-License-Identifier: MIT
import type { TextCodec } from "../../../src/host";
import { checkDecoded } from "../../../src/utf8";

/** The engine's own UTF-8. */
export function nativeText(): TextCodec {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    encode: (text) => encoder.encode(text),
    encodeInto(text, target, at) {
      const done = encoder.encodeInto(text, target.subarray(at));
      return done.read === done.written || done.read === text.length ? done.written : -1;
    },
    decode(bytes) {
      const text = decoder.decode(bytes);
      return text.length === bytes.length ? text : checkDecoded(text, bytes);
    },
  };
}
