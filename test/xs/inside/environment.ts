// SPDX-License-Identifier: MIT
/** The globals of Node that tests, fast-check and mqtt-packet use, for inside XS. Comes first in a bundle. */
import { Buffer } from "buffer/";

interface Console {
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

const silent: Console = { info() {}, log() {}, warn() {}, error() {} };

/** Later than what runs now. */
function later(work: (...values: unknown[]) => void, ...values: unknown[]): void {
  Promise.resolve().then(() => work(...values));
}

const process = {
  // Set by the runner before this runs.
  env: Reflect.get(globalThis, "berthEnvironment") as Record<string, string>,
  browser: true,
  version: "",
  versions: {},
  nextTick: later,
  on() {},
};

/** There are no timers: a test that waits for one is reported as unfinished. */
function never(): number {
  return 0;
}

/** Looked for by the streams below mqtt-packet, never used. */
class AbortSignal {}

class AbortController {
  readonly signal = new AbortSignal();
  abort(): void {}
}

const additions = {
  AbortController,
  AbortSignal,
  Buffer,
  clearTimeout() {},
  console: silent,
  process,
  queueMicrotask: later,
  self: globalThis,
  setImmediate: later,
  setTimeout: never,
};
for (const [name, value] of Object.entries(additions)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

// Once the engine's own objects are frozen, nothing can assign a property that Object.prototype has, as fast-check
// does with names that it makes up. Accessors let it; the language would have had it so but for history.
for (const name of Object.getOwnPropertyNames(Object.prototype)) {
  const { value, configurable } = Object.getOwnPropertyDescriptor(Object.prototype, name) ?? {};
  if (value === undefined || !configurable) continue;
  Object.defineProperty(Object.prototype, name, {
    get: () => value,
    set(this: object, own: unknown) {
      Object.defineProperty(this, name, { value: own, configurable: true, enumerable: true, writable: true });
    },
    configurable: true,
  });
}
