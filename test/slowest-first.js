// SPDX-License-Identifier: MIT
import Sequencer from "@jest/test-sequencer";

/**
 * The slowest, each some minutes or a good part of one. In a fresh clone jest knows no times and goes by the size of a file:
 * a short one that starts last and takes minutes keeps one worker busy alone.
 */
export const SLOWEST = Object.freeze([
  "test/xs/source-tests",
  "test/cli/device-engines",
  "test/cli/simulate",
  "test/hostile/native",
  "test/hosts/native/device",
  "test/interop/microsoft-sdk",
  "test/hosts/moddable/scripts/check-manifests",
  "test/hosts/node/directory-lock",
  "test/end-to-end/failures",
  "test/end-to-end/faults",
]);

/** @param {import("@jest/test-result").Test} test */
function rank({ path }) {
  const name = path.replaceAll("\\", "/");
  const at = SLOWEST.findIndex((slow) => name.endsWith(`${slow}.test.ts`));
  return at < 0 ? SLOWEST.length : at;
}

export default class SlowestFirst extends Sequencer {
  /** @override @param {import("@jest/test-result").Test[]} tests */
  async sort(tests) {
    return (await super.sort(tests)).sort((one, other) => rank(one) - rank(other));
  }
}
