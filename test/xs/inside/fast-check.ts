// SPDX-License-Identifier: MIT
/** `fast-check` with a tenth of the cases, 20 at least: XS runs script some 50 times slower than Node. */
import fc, { type IRawProperty, type Parameters } from "fast-check-itself";

function assert<T>(property: IRawProperty<T>, parameters: Parameters<T> = {}): unknown {
  const { numRuns = 100 } = parameters;
  return fc.assert(property, { ...parameters, numRuns: Math.max(20, Math.ceil(numRuns / 10)) });
}

export * from "fast-check-itself";
export { assert };
export default { ...fc, assert };
