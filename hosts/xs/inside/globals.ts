// SPDX-License-Identifier: MIT
/** What the worker defines beyond ECMAScript, as far as it is used here. */

/** Which number `counter` gives; see native/xsnap-worker.c. A slot or a chunk that is garbage counts until it is collected. */
export const Counter = Object.freeze({
  /** Slots in use: objects, properties, numbers in arrays and closures. */
  SLOTS: 0,
  /** Bytes of chunks in use: strings, buffers, code. */
  CHUNKS: 1,
  PEAK_SLOTS: 2,
  PEAK_CHUNKS: 3,
  /** How often garbage was collected. */
  COLLECTIONS: 4,
  /** Bytes of one slot: 32 on a 64-bit computer, 16 on ESP32. */
  SLOT_SIZE: 5,
  /** Sets the peaks to what is in use. */
  RESET_PEAKS: 6,
} as const);

/** Sends a message to Node and waits for its answer. */
export type Ask = (message: Uint8Array) => Uint8Array;

/** What code inside the machine is handed beside the conversation with Node. */
export interface XsTools {
  counter(which: number): number;
  gc(): void;
  /** Freezes an object and all that it reaches by properties and prototypes. */
  harden<T>(value: T): T;
  /** The namespace of a module that was added. */
  importNow(name: string): Readonly<Record<string, unknown>>;
  /** Paths to what can still be changed in all that `value` reaches, closures and private fields included. */
  mutabilities(value: object): string[];
  /** Freezes one object and its hidden state: private fields, maps, dates, buffers. */
  petrify<T>(value: T): T;
  print(...values: unknown[]): void;
  /** The computrons used so far; sets the limit (0 for none) and the count. */
  resetMeter(limit: number, count: number): number;
}

/** The names of modules, resolved and loaded by hooks. */
export interface XsCompartment {
  importNow(name: string): Readonly<Record<string, unknown>>;
}

export interface XsGlobals extends Omit<XsTools, "importNow"> {
  readonly Compartment: new (options: {
    readonly globals: object;
    resolveHook(specifier: string, referrer: string): string;
    loadNowHook(name: string): { readonly source: object };
  }) => XsCompartment;
  readonly ModuleSource: new (source: string) => object;
  handleCommand: (message: ArrayBuffer) => ArrayBuffer | undefined;
  issueCommand(message: ArrayBuffer): ArrayBuffer;
}
