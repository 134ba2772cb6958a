// SPDX-License-Identifier: MIT
/** Freezes modules inside XS, and finds what can still change. */
import type { XsTools } from "./globals";

/** What the machine tells of modules that were frozen. */
export interface PreloadReport {
  readonly modules: number;
  /** Paths to what can still be changed, as "module: path". */
  readonly mutable: readonly string[];
}

/** Freezes all that `modules` declare, with all that it reaches by properties and prototypes. */
export function freezeModules(tools: XsTools, modules: readonly string[]): void {
  for (const name of modules) {
    const values = { ...tools.importNow(name) };
    tools.harden(values);
    for (const value of Object.values(values)) {
      // No bytes, nothing to change.
      if (ArrayBuffer.isView(value) && value.buffer.byteLength === 0)
        tools.petrify(tools.harden(value.buffer));
    }
  }
}

/**
 * Looks in modules that are frozen for what can still be changed: variables that closures keep, private static
 * fields, maps, dates, buffers.
 * @param declared functions and classes, whose bindings are no state
 */
export function findMutable(
  tools: XsTools,
  modules: readonly string[],
  declared: readonly string[],
): PreloadReport {
  const bindings = new Set(declared);
  const mutable: string[] = [];
  for (const name of modules) {
    for (const path of tools.mutabilities(tools.harden({ ...tools.importNow(name) }))) {
      if (!path.endsWith("]]") && bindings.has(path.slice(path.lastIndexOf("]].") + 3))) continue;
      // What the engine itself provides lies in ROM on the device.
      if (path.includes("[[GlobalEnvironment]].")) continue;
      mutable.push(`${name}: ${path}`);
    }
  }
  return { modules: modules.length, mutable };
}
