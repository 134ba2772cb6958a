// SPDX-License-Identifier: MIT
/** A host without a world: a clock that moves when told, timers on it, a store in memory, HMAC of Node. */
import { createHmac } from "node:crypto";
import type { Clock, Host, Signer, Store, TextCodec, Timers, TransportBinding } from "../../src/host";

/** 2026-11-23T00:00:00Z. */
export const START = Date.UTC(2026, 10, 23);

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that passes only in `advance`: hours take milliseconds. */
export class VirtualTime implements Clock, Timers {
  #ticks = 0;
  #order = 0;
  #timers: VirtualTimer[] = [];
  /** False: the wall clock has not been set. */
  isSet = true;

  now(): number | undefined {
    return this.isSet ? START + this.#ticks : undefined;
  }

  ticks(): number {
    return this.#ticks;
  }

  set(callback: () => void, delay: number): VirtualTimer {
    if (!(delay >= 0)) throw new RangeError(`delay ${delay}`);
    const timer = { at: this.#ticks + delay, order: this.#order++, callback };
    this.#timers.push(timer);
    return timer;
  }

  clear(handle: unknown): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets `duration` milliseconds pass, firing what is due in order. */
  advance(duration: number): void {
    const end = this.#ticks + duration;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end);
      due.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = due[0];
      if (!next) break;
      this.clear(next);
      this.#ticks = Math.max(this.#ticks, next.at);
      next.callback();
    }
    this.#ticks = end;
  }
}

export class MemoryStore implements Store {
  readonly values = new Map<string, Uint8Array>();

  read(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  write(key: string, value: Uint8Array): void {
    if (key.length > 15 || value.length > 4000) throw new RangeError(`${key}: over the limits of NVS`);
    this.values.set(key, value.slice());
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const nodeText: TextCodec = {
  encode: (text) => new TextEncoder().encode(text),
  encodeInto: (text, target, at) => {
    const { read, written } = new TextEncoder().encodeInto(text, target.subarray(at));
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
