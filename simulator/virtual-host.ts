// SPDX-License-Identifier: MIT
/** A host without a world: virtual time, a store in memory, HMAC of Node. */
import { createHmac } from "node:crypto";
import {
  checkStoreKey,
  checkStoreValue,
  type Host,
  type Signer,
  type Store,
  type TextCodec,
  type TransportBinding,
} from "../src/host";
import { VirtualTime } from "./virtual-time";

export { START, VirtualTime } from "./virtual-time";

export class MemoryStore implements Store {
  readonly values = new Map<string, Uint8Array>();

  read(key: string): Uint8Array | undefined {
    checkStoreKey(key);
    return this.values.get(key)?.slice();
  }

  write(key: string, value: Uint8Array): void {
    checkStoreKey(key);
    checkStoreValue(key, value);
    this.values.set(key, value.slice());
  }

  delete(key: string): void {
    checkStoreKey(key);
    this.values.delete(key);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const nodeText: TextCodec = {
  encode: (text) => encoder.encode(text),
  encodeInto: (text, target, at) => {
    const { read, written } = encoder.encodeInto(text, target.subarray(at));
    return read === text.length ? written : -1;
  },
  decode: (bytes) => decoder.decode(bytes),
};

/** @param key base64 */
export function hmacSigner(key: string): Signer {
  return { sign: (message) => createHmac("sha256", Buffer.from(key, "base64")).update(message).digest() };
}

/** A host on virtual time. `random` is a small generator with a fixed seed. */
export function virtualHost(
  transport: TransportBinding,
  overrides: Partial<Host> = {},
): Host & { time: VirtualTime } {
  const time = (overrides.clock as VirtualTime | undefined) ?? new VirtualTime();
  let seed = 12345;
  return {
    text: nodeText,
    clock: time,
    timers: time,
    store: new MemoryStore(),
    transport,
    random: () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    },
    signer: hmacSigner("c2VjcmV0IGtleSBvZiB0aGUgdGVzdHMsIDE2IGJ5dGVzKw=="),
    time,
    ...overrides,
  };
}
